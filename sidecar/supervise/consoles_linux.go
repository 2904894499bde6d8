package supervise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/nhctl/nhctl/sidecar/wire"
)

// consoles are those of one container.
type consoles struct {
	reaper  *reaper
	grace   time.Duration
	dir     string
	around  surroundings
	serving sync.WaitGroup

	mu    sync.Mutex
	last  int
	all   map[string]*console
	order []string // the terminals, as they were opened
}

// maxConsoles keeps callers that never come back from filling the memory.
const maxConsoles = 64

// linger is how long a command, that no one is to come back to, waits for its caller.
const linger = 2 * time.Minute

// attach finds or starts the console that a caller asks for.
func (s *consoles) attach(ctx context.Context, a Attach) (*console, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.ID == "" && !a.Newest {
		return s.start(ctx, a)
	}
	id := a.ID
	for i := len(s.order) - 1; a.Newest && id == "" && i >= 0; i-- {
		if s.all[s.order[i]].lives() {
			id = s.order[i]
		}
	}
	c, ok := s.all[id]
	if !ok {
		return nil, ErrNoConsole
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if a.Resume && c.caller != a.Caller {
		return nil, ErrTaken
	}
	c.caller = a.Caller
	return c, nil
}

func (s *consoles) start(ctx context.Context, a Attach) (*console, error) {
	if len(s.all) >= maxConsoles {
		return nil, fmt.Errorf("%d terminals and commands are open already", maxConsoles)
	}
	if a.Dir == "" {
		a.Dir = s.dir
	}
	s.last++
	id := strconv.Itoa(s.last)
	c, ended, err := startConsole(id, a, s.around.environment(a.Env), s.reaper, s.grace)
	if err != nil {
		return nil, err
	}
	s.all[id] = c
	if a.Keep {
		s.order = append(s.order, id)
	}
	s.serving.Go(func() {
		c.serve(ctx, ended)
		s.remove(id)
	})
	s.serving.Go(func() {
		select {
		case <-ctx.Done():
			c.hangUp()
		case <-c.exited:
		}
	})
	return c, nil
}

func (s *consoles) remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, id)
	for i, o := range s.order {
		if o == id {
			s.order = append(s.order[:i], s.order[i+1:]...)
			break
		}
	}
}

func (s *consoles) find(id string) *console {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[id]
}

// handle adds the calls about consoles. ctx is that of the programs, which outlive their connections.
func (s *consoles) handle(ctx context.Context, mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/consoles", func(w http.ResponseWriter, r *http.Request) {
		var a Attach
		if err := decode(w, r, &a); err != nil {
			return
		}
		c, err := s.attach(ctx, a)
		switch {
		case errors.Is(err, ErrNoConsole):
			http.Error(w, err.Error(), http.StatusNotFound)
		case errors.Is(err, ErrTaken):
			http.Error(w, err.Error(), http.StatusConflict)
		case err != nil:
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		default:
			s.talk(ctx, w, c, a)
		}
	})
	mux.HandleFunc("DELETE /v1/consoles/{id}", func(w http.ResponseWriter, r *http.Request) {
		if c := s.find(r.PathValue("id")); c != nil {
			c.hangUp()
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// talk upgrades a request to the console's conversation, and carries that on.
func (s *consoles) talk(ctx context.Context, w http.ResponseWriter, c *console, a Attach) {
	joins := a.ID != "" || a.Newest
	turn, position := c.end.Claim(joins && !a.Resume, a.Received)
	defer c.end.Leave(turn)
	answer, err := json.Marshal(Attached{ID: c.id, Position: position})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	conn, rest, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, err = fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n%s: %s\r\n"+
		"\r\n", consoleProtocol, attachedHeader, answer)
	if err != nil {
		conn.Close()
		return
	}
	if joins && a.Size != nil {
		c.redraw(*a.Size)
	}
	_ = c.end.Serve(ctx, turn, wire.Peeked{Conn: conn, Reader: rest.Reader})
	if !c.keep {
		s.await(ctx, c, turn)
	}
}

// await hangs up a command whose caller does not come back.
func (s *consoles) await(ctx context.Context, c *console, turn int) {
	select {
	case <-c.exited:
	case <-ctx.Done():
	case <-time.After(linger):
		if c.end.Left(turn) {
			c.hangUp()
		}
	}
}
