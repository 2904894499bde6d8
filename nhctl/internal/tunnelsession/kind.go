// Package tunnelsession is the tunnel as a kind of session: a developer's way from this computer into a namespace, by a
// gateway there and a proxy here. It has the calls that bring it up and end it, and the tunnels that live on this
// computer. It knows nothing of how calls arrive, nor of dev mode.
package tunnelsession

import (
	"context"
	"log/slog"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/dispatch"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/topics"
	"github.com/nhctl/nhctl/nhctl/internal/held"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// Kind is the tunnel.
type Kind struct {
	dirs     userdirs.Dirs
	logger   *slog.Logger
	registry *registry.Registry
	held     *held.Kind[record.Tunnel]
}

// New returns the kind, whose sessions are in a registry.
func New(dirs userdirs.Dirs, logger *slog.Logger, r *registry.Registry) *Kind {
	return &Kind{dirs: dirs, logger: logger, registry: r, held: &held.Kind[record.Tunnel]{
		Dirs:     dirs,
		Logger:   logger,
		Registry: r,
		Noun:     "tunnel",
		What:     what,
		Work:     work,
		Find:     lease.Tunnel,
		Lost:     lost,
		TakeDown: takeDown,
		LetGo:    letGo,
		EndLimit: endLimit,
	}}
}

// Name is the kind that records carry.
func (k *Kind) Name() string { return record.TunnelKind }

// Methods are the calls of tunnels.
func (k *Kind) Methods() dispatch.Methods {
	return dispatch.Methods{
		rpc.MethodConnect:    dispatch.Call(k.connect),
		rpc.MethodDisconnect: dispatch.Call(k.disconnect),
	}
}

// Consoles are the calls whose connection becomes a link to a gateway.
func (k *Kind) Consoles() dispatch.Consoles { return dispatch.Consoles{rpc.MethodCarry: k.carry} }

// Custom are none: a tunnel is of no workload.
func (k *Kind) Custom(rpc.Caller) map[workload.Kind]string { return nil }

// Watched finds the tunnel with the id that a call names.
func (k *Kind) Watched(_ context.Context, t rpc.Target) (topics.Watched, error) {
	s, err := registry.ByID[*Session](k.registry, t.Session, "tunnel")
	if err != nil {
		return nil, err // a nil *Session is no nil interface
	}
	return s, nil
}
