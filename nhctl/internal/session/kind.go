package session

import (
	"context"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/record"
)

// Kind is a kind of session, such as dev mode. The daemon serves sessions of all kinds in the same way; a further kind
// is an addition: it fills the daemon's table of methods with its own calls, reads what this computer keeps of its
// sessions, and serves them.
type Kind interface {
	// Name is the kind that records in the cluster, and documents of this computer, carry.
	Name() string
	// Load reads what this computer keeps of a session of this kind.
	Load(file string) (Stored, error)
}

// Stored is what this computer keeps of a session that may live or not.
type Stored interface {
	ID() string
	// Work is the key of what one call at a time may do, as Registry.Reserve takes it.
	Work() string
	// TakeUp serves the session again, with the credentials of a call: after a crash or a reboot, at the next command.
	TakeUp(ctx context.Context, caller rpc.Caller, v *Visitor) error
	// View shows the session where no cluster is asked.
	View() rpc.Session
}

// Live is a session that this daemon serves.
type Live interface {
	ID() string
	// Home is where the session lives: a namespace, by its name and by its place.
	Home() (namespace string, place record.Place)
	Client() *kube.Client
	// View shows the session as far as that is known without asking anyone.
	View() rpc.Session
	// Status is all that is known of the session, here and at its far end, which is asked.
	Status(context.Context) rpc.Session
	// Notices are what the user should know now, Forwards the ports that it forwards.
	Notices() []string
	Forwards() []event.ForwardData
	// OnChange has a function called whenever one of these may have changed. It must not wait, nor ask the session.
	OnChange(func())
	// Stop ends everything local, and waits for it. The cluster keeps the session.
	Stop()
}
