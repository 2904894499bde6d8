package supervise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

// DefaultGrace is how long a command has between SIGTERM and SIGKILL.
const DefaultGrace = 10 * time.Second

// Options are a supervisor's settings.
type Options struct {
	Socket string
	// Dir is where commands run unless they say otherwise.
	Dir string
	// Grace is how long a command has between SIGTERM and SIGKILL.
	Grace  time.Duration
	Logger *slog.Logger
}

// Supervisor keeps the commands of one container.
type Supervisor struct {
	options  Options
	reaper   *reaper
	mu       sync.Mutex
	commands map[string]*command
}

// New returns a supervisor; it reaps children from now on.
func New(options Options) *Supervisor {
	if options.Grace == 0 {
		options.Grace = DefaultGrace
	}
	return &Supervisor{options: options, reaper: newReaper(), commands: map[string]*command{}}
}

// Serve takes calls until ctx ends, then stops every command.
func (s *Supervisor) Serve(ctx context.Context) error {
	defer s.reaper.close()
	// A socket file of an earlier life of this container is of no use to anybody.
	if err := os.Remove(s.options.Socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove old socket: %w", err)
	}
	listener, err := net.Listen("unix", s.options.Socket)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx }}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err = <-failed:
	case <-ctx.Done():
		err = nil
	}
	s.stopAll()
	_ = server.Close()
	return err
}

func (s *Supervisor) stopAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	var stopping sync.WaitGroup
	for _, c := range s.commands {
		stopping.Go(func() {
			if _, err := c.stop(context.Background()); err != nil {
				s.options.Logger.Error("stop command", "command", c.name, "error", err)
			}
		})
	}
	stopping.Wait()
}

// command returns a command by name, made at its first use.
func (s *Supervisor) command(name string) *command {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.commands[name]
	if !ok {
		c = &command{name: name, reaper: s.reaper, memory: memory{root: "/sys/fs/cgroup"}, grace: s.options.Grace,
			output: newRing(ringBytes), dir: s.options.Dir, status: Status{Name: name, State: StateNone}}
		s.commands[name] = c
	}
	return c
}

func (s *Supervisor) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/health", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /v1/commands/{name}", func(w http.ResponseWriter, r *http.Request) {
		reply(w, s.command(r.PathValue("name")).current(), nil)
	})
	mux.HandleFunc("PUT /v1/commands/{name}", func(w http.ResponseWriter, r *http.Request) {
		var spec Spec
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&spec); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		status, err := s.command(r.PathValue("name")).start(context.WithoutCancel(r.Context()), spec)
		reply(w, status, err)
	})
	mux.HandleFunc("DELETE /v1/commands/{name}", func(w http.ResponseWriter, r *http.Request) {
		status, err := s.command(r.PathValue("name")).stop(context.WithoutCancel(r.Context()))
		reply(w, status, err)
	})
	mux.HandleFunc("GET /v1/commands/{name}/logs", s.logs)
	return mux
}

func (s *Supervisor) logs(w http.ResponseWriter, r *http.Request) {
	tail, _ := strconv.Atoi(r.FormValue("tail"))
	w.Header().Set("Content-Type", "application/x-ndjson")
	flush := http.NewResponseController(w)
	encoder := json.NewEncoder(w)
	_ = s.command(r.PathValue("name")).output.follow(r.Context(), tail, r.FormValue("follow") == "true", func(lines []Line) error {
		for _, l := range lines {
			if err := encoder.Encode(l); err != nil {
				return err
			}
		}
		return flush.Flush()
	})
}

func reply(w http.ResponseWriter, status Status, err error) {
	switch {
	case errors.Is(err, ErrRunning):
		http.Error(w, err.Error(), http.StatusConflict)
	case err != nil:
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(status)
	}
}
