package routesession

import (
	"context"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/store"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
)

// saved is what a computer keeps of a route, so that a new daemon can take it up again. It holds the front's token, but
// nothing of the caller's environment: the next command brings its own.
type saved struct {
	Record record.Route `json:"record"`
	Token  []byte       `json:"token"`
	session.Origin
	// Up says that the route came up once: without it, its start was cut short.
	Up bool `json:"up,omitempty"`
}

// savedFormat is that of a route's document.
func savedFormat() store.Format {
	return store.Format{Kind: record.RouteKind, Version: record.RouteVersion}
}

// leadBy notes which kubeconfig leads to the route.
func (s *saved) leadBy(c *kube.Client) {
	s.Origin = session.LedBy(c, &s.Record.Place)
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

// View shows the route where no cluster is asked.
func (s stored) View() rpc.Session {
	view := viewOf(s.state.Record)
	view.Mine, view.Context = true, s.state.Context
	view.Route.Reason = s.state.Unanswered()
	return view
}

// TakeUp serves the route again, with the credentials of a call. One whose start was cut short is removed.
func (s stored) TakeUp(ctx context.Context, caller rpc.Caller, v *session.Visitor) error {
	k, state, r := s.kind, s.state, s.state.Record
	c, err := session.Lead(ctx, v, caller, state.Origin, r.Namespace, r.Place)
	if err != nil {
		return err
	}
	state.leadBy(c)
	if !state.Up {
		release, err := k.registry.Reserve(s.Work())
		if err != nil {
			return err
		}
		k.registry.Go("remove a route that never came up", func(ctx context.Context) {
			defer release()
			k.clear(ctx, c, r)
		})
		return nil
	}
	live := newSession(k, c, state)
	live.start()
	k.logger.Info("route taken up again", "session", r.Session, "namespace", r.Namespace, "service", r.Service)
	k.registry.Add(live)
	if over := live.lookFor(ctx); over != "" {
		k.drop(live, over)
		return nil
	}
	live.serve()
	return nil
}

// clear removes what a start has left that was cut short.
func (k *Kind) clear(ctx context.Context, c *kube.Client, r record.Route) {
	ctx, cancel := context.WithTimeout(ctx, endLimit)
	defer cancel()
	err := takeDown(ctx, c, r)
	if err == nil {
		err = session.Remove(k.dirs, r.Session)
	}
	if err != nil {
		k.logger.Error("remove a route that never came up", "session", r.Session, "error", err)
	}
}
