// Package routesession is the route as a kind of session: traffic of a Service that goes to a process of this computer.
// It has the calls that begin and end routes, and those that live on this computer. It knows nothing of how calls
// arrive, nor of dev mode and tunnels.
package routesession

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

// Kind is the route.
type Kind struct {
	dirs     userdirs.Dirs
	logger   *slog.Logger
	registry *registry.Registry
	held     *held.Kind[record.Route]
}

// New returns the kind, whose sessions are in a registry.
func New(dirs userdirs.Dirs, logger *slog.Logger, r *registry.Registry) *Kind {
	return &Kind{dirs: dirs, logger: logger, registry: r, held: &held.Kind[record.Route]{
		Dirs:     dirs,
		Logger:   logger,
		Registry: r,
		Noun:     "route",
		What:     what,
		Work:     work,
		Find:     lease.Route,
		Lost:     lost,
		TakeDown: takeDown,
		LetGo:    takeDown,
		EndLimit: endLimit,
	}}
}

// Name is the kind that records carry.
func (k *Kind) Name() string { return record.RouteKind }

// Methods are the calls of routes.
func (k *Kind) Methods() dispatch.Methods {
	return dispatch.Methods{
		rpc.MethodRoute: dispatch.Call(k.route),
		rpc.MethodLeave: dispatch.Call(k.leave),
	}
}

// Consoles are none: no connection of a client becomes a route's.
func (k *Kind) Consoles() dispatch.Consoles { return nil }

// Custom are none: a route is of no workload.
func (k *Kind) Custom(rpc.Caller) map[workload.Kind]string { return nil }

// Watched finds the route with the id that a call names.
func (k *Kind) Watched(_ context.Context, t rpc.Target) (topics.Watched, error) {
	s, err := registry.ByID[*Session](k.registry, t.Session, "route")
	if err != nil {
		return nil, err // a nil *Session is no nil interface
	}
	return s, nil
}
