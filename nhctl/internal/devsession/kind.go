// Package devsession is dev mode as a kind of session: calls that start, use and end it, and the sessions that live on
// this computer. It knows nothing of how calls arrive.
package devsession

import (
	"context"
	"log/slog"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/dispatch"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/commands"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
)

// Kind is dev mode.
type Kind struct {
	dirs     userdirs.Dirs
	logger   *slog.Logger
	registry *registry.Registry
}

// New returns dev mode, whose sessions are in a registry.
func New(dirs userdirs.Dirs, logger *slog.Logger, r *registry.Registry) *Kind {
	return &Kind{dirs: dirs, logger: logger, registry: r}
}

// Name is the kind that records carry.
func (k *Kind) Name() string { return record.DevMode }

// Methods are the calls of dev mode.
func (k *Kind) Methods() dispatch.Methods {
	return dispatch.Methods{
		rpc.MethodStart:        dispatch.Call(k.start),
		rpc.MethodEnd:          dispatch.Call(k.end),
		rpc.MethodList:         dispatch.Call(k.list),
		rpc.MethodStatus:       dispatch.Call(k.status),
		rpc.MethodBuild:        inContainer(k, (*commands.Container).Build),
		rpc.MethodRun:          inContainer(k, (*commands.Container).Run),
		rpc.MethodDebug:        inContainer(k, (*commands.Container).Debug),
		rpc.MethodRestart:      inContainer(k, (*commands.Container).Restart),
		rpc.MethodStop:         inContainer(k, (*commands.Container).Stop),
		rpc.MethodTests:        dispatch.Call(tests),
		rpc.MethodLogs:         inContainer(k, (*commands.Container).Logs),
		rpc.MethodPodLogs:      dispatch.Call(podLogs),
		rpc.MethodForward:      dispatch.Call(k.forward),
		rpc.MethodVolumes:      dispatch.Call(k.volumes),
		rpc.MethodClean:        dispatch.Call(k.clean),
		rpc.MethodSyncStatus:   dispatch.Call(k.syncStatus),
		rpc.MethodSyncWait:     dispatch.Call(k.syncWait),
		rpc.MethodSyncDo:       dispatch.Call(k.syncDo),
		rpc.MethodSyncVersions: dispatch.Call(k.syncVersions),
		rpc.MethodSyncContent:  dispatch.Call(k.syncContent),
		rpc.MethodSyncExplain:  dispatch.Call(k.syncExplain),
		rpc.MethodSyncFolder:   dispatch.Call(k.syncFolder),
	}
}

// inContainer serves a call in the container that it means.
func inContainer[P interface{ Meant() rpc.Target }, R any](
	k *Kind, do func(*commands.Container, context.Context, P) (R, error),
) dispatch.Method {
	return dispatch.Call(func(ctx context.Context, p P) (result R, err error) {
		c, err := k.container(ctx, p.Meant())
		if err != nil {
			return result, err
		}
		return do(c.commands(), ctx, p)
	})
}

// Consoles are the calls whose connection becomes a console.
func (k *Kind) Consoles() dispatch.Consoles {
	return dispatch.Consoles{rpc.MethodAttach: k.console}
}
