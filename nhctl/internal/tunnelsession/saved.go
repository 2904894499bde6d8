package tunnelsession

import (
	"context"
	"fmt"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/held"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/store"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
)

// saved is what a computer keeps of a tunnel.
type saved struct {
	held.Saved[record.Tunnel]
	// Port is the proxy's on 127.0.0.1.
	Port int `json:"port"`
}

// savedFormat is that of a tunnel's document.
func savedFormat() store.Format {
	return store.Format{Kind: record.TunnelKind, Version: record.TunnelVersion}
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
func (s stored) Work() string { return work(s.state.Record) }

// work is the key of a tunnel into a namespace.
func work(r record.Tunnel) string { return what(r) + " (" + r.Place.Key() + ")" }

// what is what users call a tunnel.
func what(r record.Tunnel) string {
	text := "the tunnel into namespace " + r.Namespace
	if r.Companion() {
		text += " as " + r.Workload.String()
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

// TakeUp serves the tunnel again.
func (s stored) TakeUp(ctx context.Context, caller rpc.Caller, v *session.Visitor) error {
	return s.kind.held.TakeUp(ctx, caller, v, s.state.Saved, func(c *kube.Client) held.Live {
		s.state.LeadBy(c)
		return newSession(s.kind, c, s.state)
	})
}
