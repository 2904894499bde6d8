package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/plan"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/supervise"
)

// callLimit limits a call to the pod while its carrier is down.
const callLimit = 30 * time.Second

// Build runs the build command, and returns when it has ended.
func (c *Container) Build(ctx context.Context, p rpc.Run) (event.CommandData, error) {
	dev, err := c.configured(ctx, p, supervise.Build)
	if err != nil {
		return event.CommandData{}, err
	}
	argv := p.Argv
	if len(argv) == 0 {
		if dev.Command.Build.Empty() {
			return event.CommandData{}, c.missing(supervise.Build)
		}
		argv = dev.Command.Build.Args(dev.Shell)
	}
	c.arrived(ctx)
	status, err := c.build(ctx, argv, p.LocalPaths)
	return c.data(status), err
}

// configured is what the config says of the container now. Where it leaves a command open, the sources show one.
func (c *Container) configured(ctx context.Context, p rpc.Run, command string) (config.Dev, error) {
	dev, err := c.Host.Dev(p.Target)
	if err != nil {
		return dev, err
	}
	if len(p.Argv) == 0 || command == supervise.Debug {
		var said string
		if dev, said = plan.BySources(dev, command, c.root()); said != "" {
			c.tell(ctx, said)
		}
	}
	if len(p.Args) > 0 {
		if command == supervise.Debug && !dev.Command.Debug.Empty() {
			return dev, problem.New(problem.Usage, "command.debug takes no further arguments").
				WithHint("write them into containers[].dev.command.debug in .dev/config.yaml")
		}
		dev.Command.Run = dev.Command.Run.With(p.Args)
	}
	if root := c.root(); root != "" {
		c.Host.Allow(ctx, plan.CommandFiles(root, dev))
	}
	return dev, nil
}

// tell sends a notice to the caller.
func (c *Container) tell(ctx context.Context, text string) {
	event.Sink(ctx)(event.Event{Type: event.Notice, Session: c.Host.ID(), Message: text})
}

func (c *Container) missing(command string) error {
	return problem.New(problem.Usage,
		"no config has a %s command for container %s, and the sources in %s don't show one", command, c.Name, c.root()).
		WithHint("set containers[].dev.command.%s in .dev/config.yaml, or name it: nhctl dev %s -- COMMAND",
			command, command)
}

// arrivalLimit limits how long a command waits for what was saved before it.
const arrivalLimit = 30 * time.Second

// arrived waits until what was saved before the call is in the pod, so that the command builds that, and says so when
// it is not.
func (c *Container) arrived(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, arrivalLimit)
	defer cancel()
	if err := c.Host.Converge(limited); err != nil && ctx.Err() == nil {
		c.tell(ctx, fmt.Sprintf("the command runs with the sources in the pod, which lack some saves: %v; "+
			"`nhctl dev sync status` says more", err))
	}
}

// build runs a build with its output pushed to the caller. A caller that leaves stops it.
func (c *Container) build(ctx context.Context, argv []string, local bool) (supervise.Status, error) {
	sup := c.supervisor()
	starting, cancel := context.WithTimeout(ctx, callLimit)
	status, err := sup.Start(starting, supervise.Build, supervise.Spec{Argv: argv, Dir: c.WorkDir})
	cancel()
	if err != nil {
		return status, fmt.Errorf("start the build: %w", err)
	}
	c.show(ctx, status)
	defer func() {
		if ctx.Err() != nil {
			limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), callLimit)
			defer cancel()
			_, _ = sup.Stop(limited, supervise.Build)
		}
	}()
	emit := event.Sink(ctx)
	output := supervise.LogsOptions{Since: *status.Started, Follow: true, Ended: true}
	err = c.follow(ctx, supervise.Build, output, func(l supervise.Line) {
		if l.Stream != "nhctl" {
			emit(c.logEvent(supervise.Build, l, local))
		}
	})
	if err != nil {
		return status, err
	}
	ended, err := sup.Wait(ctx, supervise.Build)
	switch {
	case err != nil:
		return status, fmt.Errorf("ask how the build ended: %w", err)
	case ended.Started == nil || !ended.Started.Equal(*status.Started):
		return ended, problem.New(problem.Command,
			"the build was stopped: another one took its place, or the pod was lost").
			WithHint("build again with `nhctl dev build`")
	}
	return ended, buildError(ended)
}

func buildError(st supervise.Status) error {
	switch {
	case st.OOMKilled && (st.ExitCode == nil || *st.ExitCode != 0):
		return problem.New(problem.Command, "the build failed for lack of memory").WithHint("%s", outOfMemory(st))
	case st.ExitCode == nil:
		return problem.New(problem.Command, "the build was ended by signal: %s", st.Signal)
	case *st.ExitCode != 0:
		return problem.New(problem.Command, "the build failed with exit code %d", *st.ExitCode).
			WithHint("its output is above, and in `nhctl dev logs build`; the program that ran before goes on").
			WithExit(*st.ExitCode)
	}
	return nil
}
