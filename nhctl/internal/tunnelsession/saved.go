package tunnelsession

import (
	"context"
	"fmt"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/store"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// saved is what a computer keeps of a tunnel, so that a new daemon can take it up again. It holds the token, but
// nothing of the caller's environment: the next command brings its own.
type saved struct {
	Record record.Tunnel `json:"record"`
	Token  []byte        `json:"token"`
	session.Origin
	// Port is the proxy's on 127.0.0.1.
	Port int `json:"port"`
	// Up says that the tunnel came up once: without it, its start was cut short.
	Up bool `json:"up,omitempty"`
}

// savedFormat is that of a tunnel's document.
func savedFormat() store.Format {
	return store.Format{Kind: record.TunnelKind, Version: record.TunnelVersion}
}

// leadBy notes which kubeconfig leads to the tunnel.
func (s *saved) leadBy(c *kube.Client) {
	s.Origin = session.LedBy(c, &s.Record.Place)
}

func save(dirs userdirs.Dirs, s saved) error {
	return session.Write(dirs, s.Record.Session, savedFormat(), s)
}

// load reads a saved tunnel, which has the name of its folder.
func load(file string) (saved, error) { return session.Read(file, savedFormat(), saved.check) }

// check says of which session it is, or why it can't be used.
func (s saved) check() (id string, err error) {
	if err := s.Record.Check("it"); err != nil {
		return "", err
	}
	if s.Port < 0 || s.Port > 65535 {
		return "", fmt.Errorf("%d is no port", s.Port)
	}
	return s.Record.Session, nil
}

// stored is a saved tunnel that may live or not.
type stored struct {
	kind  *Kind
	state saved
}

// Load reads what this computer keeps of a tunnel.
func (k *Kind) Load(file string) (session.Stored, error) {
	state, err := load(file)
	return stored{kind: k, state: state}, err
}

// ID is the session's id.
func (s stored) ID() string { return s.state.Record.Session }

// Work is the key of what one call at a time may do.
func (s stored) Work() string {
	return work(s.state.Record.Namespace, s.state.Record.Place, s.state.Record.Workload)
}

// work is the key of a tunnel into a namespace.
func work(namespace string, place record.Place, of workload.Ref) string {
	return what(namespace, of) + " (" + place.Key() + ")"
}

// what is what users call a tunnel.
func what(namespace string, of workload.Ref) string {
	text := "the tunnel into namespace " + namespace
	if of != (workload.Ref{}) {
		text += " as " + of.String()
	}
	return text
}

// View shows the tunnel where no cluster is asked.
func (s stored) View() rpc.Session {
	view := session.ViewOfTunnel(s.state.Record)
	view.Mine, view.Context = true, s.state.Context
	view.Tunnel = &rpc.Tunnel{
		Method: methodSocks,
		Port:   s.state.Port,
		Reason: s.state.Unanswered(),
	}
	return view
}

// TakeUp serves the tunnel again, with the credentials of a call. One whose start was cut short is removed.
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
		k.registry.Go("remove a tunnel that never came up", func(ctx context.Context) {
			defer release()
			k.clear(ctx, c, r)
		})
		return nil
	}
	live := newSession(k, c, state)
	live.start()
	k.logger.Info("tunnel taken up again", "session", r.Session, "namespace", r.Namespace)
	k.registry.Add(live)
	if over := live.lookFor(ctx); over != "" {
		k.drop(live, over)
		return nil
	}
	live.serve()
	return nil
}

// clear removes what a start has left that was cut short.
func (k *Kind) clear(ctx context.Context, c *kube.Client, r record.Tunnel) {
	ctx, cancel := context.WithTimeout(ctx, endLimit)
	defer cancel()
	err := takeDown(ctx, c, r)
	if err == nil {
		err = session.Remove(k.dirs, r.Session)
	}
	if err != nil {
		k.logger.Error("remove a tunnel that never came up", "session", r.Session, "error", err)
	}
}
