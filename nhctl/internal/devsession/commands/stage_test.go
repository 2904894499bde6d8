package commands

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/supervise"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// supervisor is one in memory, whose programs end when a test says so.
type supervisor struct {
	fails map[string]int // exit codes of commands that end at once
	arch  string         // of the container; empty where the supervisor knows nothing of tools

	mu       sync.Mutex
	commands map[string]*command
	calls    []string // "start run: ./web", "stop run"
	tools    map[string]string
}

// serveTools has what was brought, by its name.
func (s *supervisor) serveTools(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := r.PathValue("name")
	switch {
	case s.arch == "":
		http.NotFound(w, r)
	case r.Method == http.MethodPut:
		content, err := io.ReadAll(r.Body)
		if err != nil || int64(len(content)) != r.ContentLength {
			http.Error(w, "half of it", http.StatusUnprocessableEntity)
			return
		}
		s.tools[name] = string(content)
	default:
		t := supervise.Tool{Arch: s.arch}
		if _, there := s.tools[name]; there {
			t.Path = "/bin/" + name
		}
		_ = json.NewEncoder(w).Encode(t)
	}
}

type command struct {
	supervise.Status
	over chan struct{}
}

func (s *supervisor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := s.of(r.PathValue("name"))
	switch r.Method {
	case http.MethodPut:
		var spec supervise.Spec
		if err := json.NewDecoder(r.Body).Decode(&spec); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.start(c, spec)
	case http.MethodDelete:
		s.stop(c)
	case http.MethodGet:
		if r.FormValue("wait") == "true" {
			s.mu.Lock()
			over := c.over // a start makes another one
			s.mu.Unlock()
			select {
			case <-over:
			case <-r.Context().Done():
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = json.NewEncoder(w).Encode(c.Status)
}

// of is a command; one that was never started is over.
func (s *supervisor) of(name string) *command {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.commands[name] == nil {
		never := make(chan struct{})
		close(never)
		s.commands[name] = &command{Status: supervise.Status{Name: name, State: supervise.StateNone}, over: never}
	}
	return s.commands[name]
}

func (s *supervisor) start(c *command, spec supervise.Spec) {
	s.mu.Lock()
	s.calls = append(s.calls, "start "+c.Name+": "+spec.Argv[0])
	now := time.Now()
	c.Status = supervise.Status{
		Name:    c.Name,
		State:   supervise.StateRunning,
		Argv:    spec.Argv,
		Own:     spec.Own,
		Args:    spec.Args,
		Env:     spec.Env,
		TTY:     spec.TTY,
		Wait:    spec.Wait,
		Started: &now,
	}
	c.over = make(chan struct{})
	code, ends := s.fails[c.Name]
	s.mu.Unlock()
	if ends || c.Name == supervise.Build {
		s.end(c.Name, code)
	}
}

func (s *supervisor) stop(c *command) {
	s.mu.Lock()
	s.calls = append(s.calls, "stop "+c.Name)
	s.mu.Unlock()
	s.end(c.Name, 0)
}

// end ends the program of a command.
func (s *supervisor) end(name string, code int) {
	c := s.of(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.State == supervise.StateRunning {
		c.State, c.ExitCode = supervise.StateExited, &code
		close(c.over)
	}
}

// lose forgets everything, as another pod does that has the name.
func (s *supervisor) lose() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.commands)
}

func (s *supervisor) called() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// host is a session whose pod has a supervisor in memory.
type host struct {
	conns   chan net.Conn
	dev     config.Dev
	lacking error // of waiting for earlier saves
	// exec runs a program in the container without the supervisor; nil fails.
	exec func(argv []string, stdout io.Writer) error
	// listens serves connections to ports of the pod; nil refuses them.
	listens func(net.Conn)

	ctx    context.Context
	parts  sync.WaitGroup
	mu     sync.Mutex
	wanted *Wanted
	notes  []string
}

func (h *host) ID() string                          { return "0a1b2c3d" }
func (h *host) Context() context.Context            { return h.ctx }
func (h *host) Go(_ string, run func())             { h.parts.Go(run) }
func (h *host) PodName() string                     { return "web-dev-1" }
func (h *host) LocalPort(local, r int) (int, error) { return cmp.Or(local, r), nil }
func (h *host) Converge(context.Context) error      { return h.lacking }
func (h *host) Allow(context.Context, []string)     {}

func (h *host) Dev(rpc.Target) (config.Dev, error) { return h.dev, nil }

func (h *host) Exec(_ context.Context, argv []string, stdout io.Writer) error {
	if h.exec == nil {
		return errors.New("no program here")
	}
	return h.exec(argv, stdout)
}

func (h *host) Open(ctx context.Context, kind wire.Kind, _ any) (net.Conn, error) {
	if kind != wire.KindSupervisor && h.listens == nil {
		return nil, errors.New("nothing listens")
	}
	near, far := net.Pipe()
	if kind != wire.KindSupervisor {
		h.parts.Go(func() { h.listens(far) })
		return near, nil
	}
	select {
	case h.conns <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-h.ctx.Done(): // net/http goes on dialling for a request that has been cancelled
		return nil, h.ctx.Err()
	}
}

func (h *host) Stir() {}

func (h *host) Note(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.notes = append(h.notes, text)
}

func (h *host) Wanted() *Wanted {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.wanted
}

func (h *host) SetWanted(w *Wanted) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wanted = w
	return nil
}

// Accept, Close and Addr make the host the listener of its supervisor.
func (h *host) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.ctx.Done():
		return nil, net.ErrClosed
	}
}
func (h *host) Close() error   { return nil }
func (h *host) Addr() net.Addr { return &net.UnixAddr{Name: "supervisor"} }

// stage is a dev container with its host and its supervisor.
type stage struct {
	*Container
	host       *host
	supervisor *supervisor
	// Context is that of a call, whose events are in heard.
	Context context.Context
	heard   []event.Event
}

// newStage returns a container that is configured so. The test ends the stage with the function.
func newStage(t *testing.T, dev config.Dev) (*stage, func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	sup := &supervisor{fails: map[string]int{}, commands: map[string]*command{},
		tools: map[string]string{}}
	h := &host{conns: make(chan net.Conn), dev: dev, ctx: ctx}
	logger := slog.New(slog.NewTextHandler(io.Discard, nil))
	s := &stage{host: h, supervisor: sup, Container: &Container{
		Container: record.Container{Name: "app", WorkDir: "/src"},
		Host:      h,
		Logger:    logger,
		Tools:     t.TempDir(),
		Folders:   []event.PathData{{Local: t.TempDir(), Remote: "/src"}},
	}}
	s.Context = event.WithSink(ctx, func(e event.Event) { s.heard = append(s.heard, e) })
	mux := http.NewServeMux()
	mux.Handle("/v1/commands/{name}", sup)
	mux.HandleFunc("/v1/tools/{name}", sup.serveTools)
	mux.HandleFunc("/v1/commands/{name}/logs", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(supervise.Line{Stream: "end"})
	})
	server := &http.Server{Handler: mux}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(h) })
	return s, func() {
		cancel()
		h.parts.Wait()
		server.Close()
		serving.Wait()
	}
}
