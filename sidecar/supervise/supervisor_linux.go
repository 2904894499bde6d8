package supervise

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
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
	Grace time.Duration
	// CrashPause is how long the third reload in a row that crashes holds up the next one; it doubles with each crash.
	// 0 means the default.
	CrashPause time.Duration
	// HoldLimit is how long a program stands at most that delve holds for a client; 0 means 5 s.
	HoldLimit time.Duration
	// Home is for commands whose user has none. Tools is for programs that are brought; empty means that none are.
	Home, Tools string
	Logger      *slog.Logger
}

// Supervisor keeps the commands of one container.
type Supervisor struct {
	options  Options
	reaper   *reaper
	commands map[string]*command
	service  *service
	consoles *consoles
}

// New returns a supervisor; it reaps children from now on.
func New(options Options) *Supervisor {
	heedSignals()
	if options.Grace == 0 {
		options.Grace = DefaultGrace
	}
	if options.CrashPause == 0 {
		options.CrashPause = crashPause
	}
	s := &Supervisor{options: options, reaper: newReaper(), commands: map[string]*command{}}
	kept := newRings(ringBytes)
	for _, name := range []string{Build, Run, Debug} {
		s.commands[name] = &command{
			name:   name,
			reaper: s.reaper,
			memory: memory{root: "/sys/fs/cgroup"},
			grace:  options.Grace,
			output: kept.ring(),
			dir:    options.Dir,
			around: surroundings{home: options.Home, tools: options.Tools},
			status: Status{Name: name, State: StateNone},
		}
	}
	s.service = newService(s.commands[Run], s.commands[Debug], s.commands[Build])
	s.service.crashPause, s.service.holdLimit = options.CrashPause, cmp.Or(options.HoldLimit, holdLimit)
	s.consoles = &consoles{
		reaper: s.reaper,
		grace:  options.Grace,
		dir:    options.Dir,
		around: surroundings{home: options.Home, tools: options.Tools},
		all:    map[string]*console{},
	}
	return s
}

// heedSignals has the programs that are started here heed the signals that this one was started to ignore, as by nohup
// or in the background of a script: programs inherit that, and a shell can't trap such a signal.
func heedSignals() {
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT} {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
}

// Serve takes calls until ctx ends, then stops every command.
func (s *Supervisor) Serve(ctx context.Context) error {
	defer s.reaper.close()
	// A socket file of an earlier life of this container is of no use to anyone.
	if err := os.Remove(s.options.Socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove old socket: %w", err)
	}
	listener, err := net.Listen("unix", s.options.Socket)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{Handler: s.handler(ctx), ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx }}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	reloading, cancel := context.WithCancel(ctx)
	defer cancel()
	var reloads sync.WaitGroup
	reloads.Go(func() { s.service.serve(reloading) })
	select {
	case err = <-failed:
	case <-ctx.Done():
		err = nil
	}
	cancel()
	s.stopAll()
	reloads.Wait()
	s.consoles.serving.Wait()
	_ = server.Close()
	return err
}

func (s *Supervisor) stopAll() {
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

// named gives a handler the command that the path names.
func (s *Supervisor) named(handle func(http.ResponseWriter, *http.Request, *command)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, ok := s.commands[r.PathValue("name")]
		if !ok {
			http.Error(w, "there is no command "+r.PathValue("name"), http.StatusNotFound)
			return
		}
		handle(w, r, c)
	}
}

func (s *Supervisor) handler(ctx context.Context) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/health",
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("POST /v1/changes", func(w http.ResponseWriter, r *http.Request) {
		var change Change
		if err := decode(w, r, &change); err == nil {
			s.service.changed(change.Time)
			w.WriteHeader(http.StatusNoContent)
		}
	})
	mux.HandleFunc("GET /v1/commands/{name}", s.named(func(w http.ResponseWriter, r *http.Request, c *command) {
		if r.FormValue("wait") == "true" {
			select {
			case <-c.over():
			case <-r.Context().Done():
			}
		}
		reply(w, c.current(), nil)
	}))
	mux.HandleFunc("PUT /v1/commands/{name}", s.named(func(w http.ResponseWriter, r *http.Request, c *command) {
		var spec Spec
		if err := decode(w, r, &spec); err != nil {
			return
		}
		status, err := s.start(context.WithoutCancel(r.Context()), c, spec)
		reply(w, status, err)
	}))
	mux.HandleFunc("DELETE /v1/commands/{name}", s.named(func(w http.ResponseWriter, r *http.Request, c *command) {
		status, err := s.stop(context.WithoutCancel(r.Context()), c)
		reply(w, status, err)
	}))
	mux.HandleFunc("GET /v1/commands/{name}/logs", s.named(logs))
	s.consoles.handle(ctx, mux)
	s.consoles.around.handle(mux)
	return mux
}

func (s *Supervisor) start(ctx context.Context, c *command, spec Spec) (Status, error) {
	if c.name == Build {
		return c.start(ctx, spec)
	}
	return s.service.start(ctx, c.name, spec)
}

func (s *Supervisor) stop(ctx context.Context, c *command) (Status, error) {
	if c.name == Build {
		return c.stop(ctx)
	}
	return s.service.stop(ctx, c.name)
}

// decode reads a request's document; it has answered when it fails.
func decode(w http.ResponseWriter, r *http.Request, v any) error {
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
	return err
}

func logs(w http.ResponseWriter, r *http.Request, c *command) {
	tail, _ := strconv.Atoi(r.FormValue("tail"))
	since, _ := time.Parse(time.RFC3339Nano, r.FormValue("since"))
	var until <-chan struct{} // follow for ever
	switch {
	case r.FormValue("follow") != "true":
		none := make(chan struct{})
		close(none)
		until = none
	case r.FormValue("ended") == "true":
		until = c.over()
	}
	if r.FormValue("debugs") == "true" {
		c.debugging.Add(1)
		defer c.debugging.Add(-1)
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	flush := http.NewResponseController(w)
	encoder := json.NewEncoder(w)
	err := c.output.follow(r.Context(), tail, since, until, func(lines []Line) error {
		for _, l := range lines {
			if err := encoder.Encode(l); err != nil {
				return err
			}
		}
		return flush.Flush()
	})
	if err == nil && r.Context().Err() == nil {
		_ = encoder.Encode(Line{Stream: endOfLog})
	}
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
