// Package registry knows the sessions of a user's daemon: those that live, found by cluster, namespace and id, those
// that this computer keeps and no one serves yet, and the last ones that have ended. It knows nothing of what the kinds
// of sessions do.
package registry

import (
	"context"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
)

// Registry is one daemon's.
type Registry struct {
	dirs   userdirs.Dirs
	logger *slog.Logger

	context    context.Context
	cancel     context.CancelFunc
	background sync.WaitGroup

	mu    sync.Mutex
	kinds []session.Kind
	live  []session.Live
	busy  map[string]bool // work that a call is at
	over  map[string]bool // ids of sessions that have ended: what is still kept of them is no session any more
	// watchers are told that there are other sessions, or that one may look different.
	watchers map[*func()]bool

	history sync.Mutex // the history's file
	ending  sync.Mutex // held while a session goes from the live ones into the history
}

// New returns an empty registry.
func New(dirs userdirs.Dirs, logger *slog.Logger) *Registry {
	ctx, cancel := context.WithCancel(context.Background())
	return &Registry{
		dirs:     dirs,
		logger:   logger,
		context:  ctx,
		cancel:   cancel,
		busy:     map[string]bool{},
		over:     map[string]bool{},
		watchers: map[*func()]bool{},
	}
}

// Register adds a kind of sessions.
func (r *Registry) Register(k session.Kind) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kinds = append(r.kinds, k)
}

// Add lets a session be found.
func (r *Registry) Add(s session.Live) {
	s.OnChange(r.tell)
	defer r.tell()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.live = append(r.live, s)
}

// Remove drops a session, and says whether it was there.
func (r *Registry) Remove(s session.Live) bool {
	defer r.tell()
	r.mu.Lock()
	defer r.mu.Unlock()
	at := slices.Index(r.live, s)
	if at >= 0 {
		r.live = slices.Delete(slices.Clone(r.live), at, at+1)
	}
	return at >= 0
}

// Live are all sessions that this daemon serves.
func (r *Registry) Live() []session.Live {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.live)
}

// Idle says that there are neither sessions nor calls at work on one.
func (r *Registry) Idle() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.live)+len(r.busy) == 0
}

// Quiet says that no work on a session is under way.
func (r *Registry) Quiet() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.busy) == 0
}

// Visit takes a call's client, after the saved sessions were taken up with it.
func (r *Registry) Visit(ctx context.Context, caller rpc.Caller) (*session.Visitor, error) {
	c, err := session.ClientOf(caller)
	if err != nil {
		return nil, err
	}
	v := &session.Visitor{Client: c}
	r.Adopt(ctx, caller, v)
	return v, nil
}

// Of are the live sessions of one kind, wherever they are.
func Of[S session.Live](r *Registry) (all []S) {
	for _, l := range r.Live() {
		if s, ok := l.(S); ok {
			all = append(all, s)
		}
	}
	return all
}

// ByID is the live session of one kind with an id, wherever it is; users call it what.
func ByID[S session.Live](r *Registry, id, what string) (found S, err error) {
	for _, s := range Of[S](r) {
		if s.ID() == id {
			return s, nil
		}
	}
	return found, problem.New(problem.NoSession, "no %s of this computer is session %s", what, id).
		WithHint("`nhctl status` shows the sessions of this computer")
}

// Matching are the live sessions of one kind in the call's place that match. Sessions in other places are not looked
// at.
func Matching[S session.Live](ctx context.Context, r *Registry, v *session.Visitor, match func(S) bool) ([]S, error) {
	var found []S
	for _, s := range Of[S](r) {
		if !match(s) {
			continue
		}
		here, err := v.At(ctx, s)
		if err != nil {
			return nil, err
		}
		if here {
			found = append(found, s)
		}
	}
	return found, nil
}

// Reserve keeps two calls of this user from the same work at once.
func (r *Registry) Reserve(work string) (release func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.busy[work] {
		return nil, problem.New(problem.Held, "another command of yours is at work on %s", work).
			WithHint("wait for it, or stop it with Ctrl-C")
	}
	r.busy[work] = true
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.busy, work)
	}, nil
}

func (r *Registry) reserved(work string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.busy[work]
}

// Go does work that no call waits for. Close ends it and waits. A panic ends that work alone.
func (r *Registry) Go(name string, work func(context.Context)) {
	r.background.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				r.logger.Error("panic", "work", name, "panic", p, "stack", string(debug.Stack()))
			}
		}()
		work(r.context)
	})
}

// Close stops all sessions here. The cluster keeps them.
func (r *Registry) Close() {
	r.cancel()
	r.background.Wait()
	for _, s := range r.Live() {
		s.Stop()
	}
}
