// Package session has what live sessions of every kind have in common: a life with parts that end together, notices,
// carriers, forwarded ports, a document on this computer, a heartbeat, and the place where they live. It knows nothing
// of what a kind does with them.
package session

import (
	"context"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/tunnel"
)

// Session is what a live session of every kind has. A kind embeds it.
type Session struct {
	Logger *slog.Logger

	context context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	id      string
	cluster *kube.Client
	// sink takes progress for the call that works on the session.
	sink    func(event.Event)
	notices []string
	leaving bool
	// changed is told that the session may look different.
	changed func()
	// watchers are told of that, and of what is known in the pod or by sync alone.
	watchers map[*func()]bool

	interactive *tunnel.Line
	bulk        *tunnel.Lines
	forwards    *tunnel.Forwards
}

// New returns a session that does nothing yet. Its id may be set later.
func New(logger *slog.Logger, cluster *kube.Client, id string) *Session {
	ctx, cancel := context.WithCancel(context.Background())
	return &Session{
		Logger:   logger,
		context:  ctx,
		cancel:   cancel,
		id:       id,
		cluster:  cluster,
		sink:     func(event.Event) {},
		changed:  func() {},
		watchers: map[*func()]bool{},
	}
}

// OnChange has a function called whenever the session may look different. It must not wait, nor ask the session.
func (s *Session) OnChange(changed func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed = changed
}

// tell tells that the session may look different.
func (s *Session) tell() {
	s.mu.Lock()
	changed := s.changed
	s.mu.Unlock()
	changed()
	s.Stir()
}

// Watch has a function called whenever the session, its sync or its programs may look different, until stop is called.
// It must not wait, nor ask the session.
func (s *Session) Watch(changed func()) (stop func()) {
	key := &changed
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchers[key] = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, key)
	}
}

// Stir tells the watchers that sync or a program may look different. It does not wait.
func (s *Session) Stir() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for changed := range s.watchers {
		(*changed)()
	}
}

// ID is the session's id.
func (s *Session) ID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id
}

// SetID names a session that was made before its id was drawn.
func (s *Session) SetID(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.id = id
}

// Context ends with the session.
func (s *Session) Context() context.Context { return s.context }

// Go runs a part of the session until it returns; Stop waits for it. A panic ends this part alone: the user gets a
// notice.
func (s *Session) Go(part string, run func()) {
	s.running.Go(func() { s.Guard(part, run) })
}

// Guard runs a part of the session, and keeps its panic from the other sessions of the daemon.
func (s *Session) Guard(part string, run func()) {
	defer func() {
		if r := recover(); r != nil {
			s.Logger.Error("panic", "session", s.ID(), "part", part, "panic", r, "stack", string(debug.Stack()))
			s.Note("nhctl failed in a part of this session (" + part + "), which has stopped: " +
				"end it and start again; the daemon's log has more")
		}
	}()
	run()
}

// Stop ends everything local, and waits for it. The cluster keeps the session.
func (s *Session) Stop() {
	s.cancel()
	s.mu.Lock()
	forwards := s.forwards
	s.mu.Unlock()
	if forwards != nil {
		forwards.CloseAll()
	}
	s.running.Wait()
}

// Client is the client that leads to the session's cluster.
func (s *Session) Client() *kube.Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cluster
}

// SetClient takes the credentials of a newer call. It says whether they lead to the place by another address.
func (s *Session) SetClient(c *kube.Client) (moved bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	moved = s.cluster != nil && s.cluster.Identity != c.Identity
	s.cluster = c
	return moved
}

// Emit tells the call that works on the session, if there is one.
func (s *Session) Emit(e event.Event) {
	s.mu.Lock()
	sink := s.sink
	e.Session = s.id
	s.mu.Unlock()
	s.tell()
	sink(e)
}

// Tell sends progress to a call until the returned function is called.
func (s *Session) Tell(sink func(event.Event)) (done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sink = sink
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.sink = func(event.Event) {}
	}
}

// Note adds a notice, unless it is there already.
func (s *Session) Note(text string) {
	defer s.tell()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.notices, text) {
		s.notices = append(s.notices, text)
	}
}

// Notices are what the user should know now.
func (s *Session) Notices() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.notices)
}

// SetLeaving says that the session's end is at work, or was given up.
func (s *Session) SetLeaving(leaving bool) {
	defer s.tell()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = leaving
}

// Leaving says whether the session's end is at work: what is missing in the cluster then is its own doing.
func (s *Session) Leaving() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leaving
}
