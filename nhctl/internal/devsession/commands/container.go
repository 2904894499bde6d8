// Package commands builds, runs and debugs a service in a dev container, follows its output, opens consoles, and starts
// again what a lost container ran. It knows its session as a Host alone: nothing of dev mode's cluster objects, nor of
// how a session is found.
package commands

import (
	"context"
	"io"
	"log/slog"
	"net"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/supervise"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// Life is that of the container's session.
type Life interface {
	ID() string
	// Context ends with the session. Go runs a part of it, for which the session's end waits.
	Context() context.Context
	Go(part string, run func())
	// Note tells the user something at their next command.
	Note(text string)
	// Stir tells that a program may look different.
	Stir()
}

// Pod is the way to the container.
type Pod interface {
	// PodName names the pod that the session is connected to.
	PodName() string
	// Open opens a stream to its sidecar.
	Open(ctx context.Context, kind wire.Kind, params any) (net.Conn, error)
	// Exec runs a program in the container without the sidecar.
	Exec(ctx context.Context, argv []string, stdout io.Writer) error
	// LocalPort forwards a port of the pod, until the session ends: to the local one that is asked for, where 0 means
	// any.
	LocalPort(local, remote int) (int, error)
}

// Sources are the container's synced folders.
type Sources interface {
	// Converge returns when all that was saved before is in the pod.
	Converge(ctx context.Context) error
	// Allow lets files of the container's sources go to the pod whose names would keep them here.
	Allow(ctx context.Context, files []string)
}

// Settings are what the session keeps of the container.
type Settings interface {
	// Dev is what the config says of the container now.
	Dev(t rpc.Target) (config.Dev, error)
	// Wanted is the command that the user wants to run; nil is none.
	Wanted() *Wanted
	SetWanted(*Wanted) error
}

// Host is the session of a container, as far as commands need it.
type Host interface {
	Life
	Pod
	Sources
	Settings
}

// Container is a dev container, where commands run.
type Container struct {
	record.Container
	Host   Host
	Logger *slog.Logger
	// Tools is the folder of this computer that keeps programs for pods.
	Tools string
	// Folders are its synced folders, the sources first.
	Folders []event.PathData
	// OneOfSeveral says that the session has further dev containers: events name this one.
	OneOfSeveral bool
}

func (c *Container) supervisor() *supervise.Client {
	return supervise.NewClient(func(ctx context.Context) (net.Conn, error) {
		return c.Host.Open(ctx, wire.KindSupervisor, wire.SupervisorParams{Container: c.Name})
	})
}

// root is the folder on this computer that has the container's sources; empty where it has none.
func (c *Container) root() string {
	if len(c.Folders) == 0 {
		return ""
	}
	return c.Folders[0].Local
}
