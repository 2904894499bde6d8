package registry

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
)

// Watch has a function called whenever there are other sessions, or one may look different, until stop is called. It
// must not wait, nor ask the registry.
func (r *Registry) Watch(changed func()) (stop func()) {
	key := &changed
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watchers[key] = true
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.watchers, key)
	}
}

// tell tells the watchers.
func (r *Registry) tell() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for changed := range r.watchers {
		(*changed)()
	}
}

// View shows a session of the visitor's place by its record, and what this daemon knows where it serves the session.
// local is the visitor's own user@host, now the time of the API server's clock.
func (r *Registry) View(
	ctx context.Context, v *session.Visitor, of record.Record, local string, now time.Time,
) (rpc.Session, error) {
	view := session.ViewOf(of)
	view.Silent, view.Abandoned = of.Silent(now).Seconds(), of.Abandoned(now)
	view.Mine = of.Holder.Local == local
	found, err := Matching(ctx, r, v, func(s session.Live) bool { return s.ID() == of.Session })
	if err != nil || len(found) == 0 {
		return view, err
	}
	own := found[0].View()
	view.Live, view.Mine, view.Link, view.Pod = true, true, own.Link, own.Pod
	return view, nil
}

// Unreadable shows a session of a namespace whose Lease can't be read.
func Unreadable(namespace string, u lease.Unreadable) rpc.Session {
	return rpc.Session{
		Namespace:  namespace,
		Kind:       u.Kind,
		Lease:      u.Lease,
		Unreadable: u.Err.Error(),
	}
}

// Overview shows the sessions of this computer, of every kind and in whatever cluster. Those that live are asked how
// they are, all at once; the others are shown by what is known here.
func (r *Registry) Overview(ctx context.Context) map[string]rpc.Session {
	stored, live := r.here()
	views := map[string]rpc.Session{}
	for _, state := range stored {
		views[state.ID()] = state.View()
	}
	var mu sync.Mutex
	var asking sync.WaitGroup
	for id, s := range live {
		known := views[id]
		asking.Go(func() {
			now := s.Status(ctx)
			now.Context, now.Server = known.Context, s.Client().Server()
			mu.Lock()
			defer mu.Unlock()
			views[id] = now
		})
	}
	asking.Wait()
	return views
}

// Views shows this computer's sessions of dev mode, in whatever cluster, from what is known here: no cluster has to
// answer.
func (r *Registry) Views() []rpc.Session {
	stored, live := r.here()
	views := []rpc.Session{}
	for _, state := range stored {
		view := state.View()
		if view.Kind != "" { // Overview has those of every kind
			continue
		}
		if s := live[state.ID()]; s != nil {
			own := s.View()
			view.Live, view.Link, view.Pod, view.Notices = true, own.Link, own.Pod, nil
			view.Server = s.Client().Server()
		}
		views = append(views, view)
	}
	return views
}

// here are the sessions that this computer keeps, and those that live, by their ids. One that a call starts or ends at
// this moment, and no one serves, is left out.
func (r *Registry) here() ([]session.Stored, map[string]session.Live) {
	stored, err := r.Stored()
	if err != nil {
		r.logger.Error("saved sessions", "error", err)
	}
	busy := map[string]bool{} // asked before who is live: a start adds its session first, and then is no longer at work
	for _, state := range stored {
		busy[state.ID()] = r.reserved(state.Work())
	}
	live := map[string]session.Live{}
	for _, s := range r.Live() {
		live[s.ID()] = s
	}
	return slices.DeleteFunc(stored, func(s session.Stored) bool { return live[s.ID()] == nil && busy[s.ID()] }), live
}
