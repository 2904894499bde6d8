package routesession

import (
	"context"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/held"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/store"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
)

// saved is what a computer keeps of a route: the token is the front's.
type saved = held.Saved[record.Route]

// savedFormat is that of a route's document.
func savedFormat() store.Format {
	return store.Format{Kind: record.RouteKind, Version: record.RouteVersion}
}

func save(dirs userdirs.Dirs, s saved) error {
	return session.Write(dirs, s.Record.Session, savedFormat(), s)
}

// load reads a saved route, which has the name of its folder.
func load(file string) (saved, error) {
	return session.Read(file, savedFormat(), func(s saved) (string, error) {
		return s.Record.Session, s.Record.Check("it")
	})
}

// stored is a saved route that may live or not.
type stored struct {
	kind  *Kind
	state saved
}

// Load reads what this computer keeps of a route.
func (k *Kind) Load(file string) (session.Stored, error) {
	state, err := load(file)
	return stored{kind: k, state: state}, err
}

// ID is the session's id.
func (s stored) ID() string { return s.state.Record.Session }

// Work is the key of what one call at a time may do.
func (s stored) Work() string { return work(s.state.Record) }

// work is the key of the routes of a Service.
func work(r record.Route) string {
	return "the routes of Service " + r.Service + " in namespace " + r.Namespace + " (" + r.Place.Key() + ")"
}

// what is what users call a route.
func what(r record.Route) string { return "the route of Service " + r.Service }

// View shows the route where no cluster is asked.
func (s stored) View() rpc.Session {
	view := viewOf(s.state.Record)
	view.Mine, view.Context = true, s.state.Context
	view.Route.Reason = s.state.Unanswered()
	return view
}

// TakeUp serves the route again.
func (s stored) TakeUp(ctx context.Context, caller rpc.Caller, v *session.Visitor) error {
	return s.kind.held.TakeUp(ctx, caller, v, s.state, func(c *kube.Client) held.Live {
		s.state.LeadBy(c)
		return newSession(s.kind, c, s.state)
	})
}
