package registry

import (
	"context"
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

// Views shows the sessions of this computer, in whatever cluster, from what is known here: no cluster has to answer.
func (r *Registry) Views() []rpc.Session {
	stored, err := r.Stored()
	if err != nil {
		r.logger.Error("saved sessions", "error", err)
	}
	live := map[string]session.Live{}
	for _, s := range r.Live() {
		live[s.ID()] = s
	}
	views := []rpc.Session{}
	for _, state := range stored {
		view := state.View()
		if s := live[state.ID()]; s != nil {
			own := s.View()
			view.Live, view.Link, view.Pod, view.Notices = true, own.Link, own.Pod, nil
			view.Server = s.Client().Server()
		}
		views = append(views, view)
	}
	return views
}
