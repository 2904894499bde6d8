package commands

import (
	"context"
	"fmt"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/sidecar/supervise"
)

// Run builds and starts the service.
func (c *Container) Run(ctx context.Context, p rpc.Run) (event.CommandData, error) {
	dev, err := c.configured(ctx, p, supervise.Run)
	if err != nil {
		return event.CommandData{}, err
	}
	spec := specOf(p)
	var build []string
	if !spec.Own {
		if dev.Command.Run.Empty() {
			return event.CommandData{}, c.missing(supervise.Run)
		}
		spec.Argv, build = dev.Command.Run.Args(dev.Shell), dev.Command.Build.Args(dev.Shell)
	}
	if dev.HotReload {
		spec.Reload = reload(dev, dev.Command.HotReloadRun, build, spec.Argv)
	}
	if p.NoBuild {
		build = nil
	}
	w := &Wanted{Command: supervise.Run, Build: build, Spec: spec, localPaths: p.LocalPaths}
	status, err := c.launch(ctx, w, dev.OnBuildFailure == stopOnFailure)
	if err == nil {
		c.want(w)
	}
	return c.data(status), err
}

// specOf is a command of the user's own, or the beginning of one of the config's, which lacks its command line.
func specOf(p rpc.Run) supervise.Spec {
	return supervise.Spec{
		Argv:   p.Argv,
		Own:    len(p.Argv) > 0,
		Args:   p.Args,
		Refuse: p.KeepRunning,
		TTY:    p.TTY,
		Env:    p.Env,
	}
}

// Restart starts again what was started last, with the arguments, variables and terminal that it was given then, and
// held by its debugger if it was: by the present config, or a command of the user's own as it was.
func (c *Container) Restart(ctx context.Context, t rpc.Target) (event.CommandData, error) {
	last, err := c.service(ctx)
	if err != nil {
		return event.CommandData{}, err
	}
	p := rpc.Run{Target: t, Args: last.Args, Env: last.Env, TTY: last.TTY}
	if last.Own {
		p.Argv = last.Argv
	}
	if last.Name == supervise.Debug {
		debug, err := c.Debug(ctx, rpc.Debug{Run: p, Wait: last.Wait})
		return debug.Command, err
	}
	return c.Run(ctx, p)
}

// Stop stops a command, or whatever runs.
func (c *Container) Stop(ctx context.Context, p rpc.Stop) (event.CommandData, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	name := p.Command
	if name == "" {
		last, err := c.service(ctx)
		if err != nil {
			return event.CommandData{}, err
		}
		name = last.Name
	}
	if name != supervise.Build {
		c.want(nil)
	}
	status, err := c.supervisor().Stop(ctx, name)
	c.Host.Stir()
	if err != nil {
		return event.CommandData{}, fmt.Errorf("stop the %s command: %w", name, err)
	}
	return c.data(status), nil
}

// show tells the caller what was started.
func (c *Container) show(ctx context.Context, status supervise.Status) {
	c.Host.Stir()
	data := c.data(status)
	event.Sink(ctx)(event.Event{Type: event.Command, Session: c.Host.ID(), Command: &data})
}
