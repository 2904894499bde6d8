package commands

import (
	"context"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/debugger"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/supervise"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// Debug builds and starts the service under its debugger, and returns when the debugger takes clients on a local port.
func (c *Container) Debug(ctx context.Context, p rpc.Debug) (event.DebugData, error) {
	dev, err := c.configured(ctx, p.Run, supervise.Debug)
	if err != nil {
		return event.DebugData{}, err
	}
	port, err := debugger.Port(dev.Debug)
	if err != nil {
		return event.DebugData{}, err
	}
	status, err := c.service(ctx)
	if err != nil {
		return event.DebugData{}, err
	}
	start, err := debugStart(p, dev, port)
	a := &Debugger{Language: dev.Debug.Language, Port: port, Waits: p.Wait}
	if len(p.Argv) == 0 {
		a.Tool = debugger.Tool(dev)
	}
	switch runs := status.Name == supervise.Debug && status.State == supervise.StateRunning; {
	case runs && (p.Join || p.OnlyJoin):
		a.Waits = false // it goes on as it is
	case p.OnlyJoin:
		return event.DebugData{}, problem.New(problem.NotFound, "no program runs under a debugger").
			WithHint("start it with `nhctl dev debug`, or launch it from the editor")
	default:
		if err != nil {
			return event.DebugData{}, err
		}
		if err := c.bring(ctx, p.Caller, a.Tool); err != nil {
			return event.DebugData{}, err
		}
		w := wantedDebug(p, dev, start)
		w.Debugger = a
		if status, err = c.launch(ctx, w, dev.OnBuildFailure == stopOnFailure); err != nil {
			return event.DebugData{}, err
		}
		c.want(w)
	}
	local, err := c.awaitDebugger(ctx, a, p.LocalPort, *status.Started)
	if err != nil {
		return event.DebugData{}, err
	}
	d := event.DebugData{
		Command:    c.data(status),
		Host:       debugHost,
		Port:       local,
		RemotePort: port,
		Language:   dev.Debug.Language,
		Program:    start.Program,
		Waits:      a.Waits,
		Paths:      slices.Concat(c.Folders, c.goPaths(ctx, p.Caller, dev.Debug.Language)),
	}
	d.Attach = debugger.Attach(d)
	return d, nil
}

// debugStart is what the config makes of debugging, or a command of the user's own.
func debugStart(p rpc.Debug, dev config.Dev, port int) (debugger.Start, error) {
	if len(p.Argv) > 0 {
		return debugger.Start{Argv: p.Argv}, nil
	}
	return debugger.Command(dev, debugger.Options{Port: port, Wait: p.Wait})
}

// debugHost is where debuggers are forwarded to.
const debugHost = "127.0.0.1"

// awaitDebugger forwards a debugger's port and waits until it takes clients there.
func (c *Container) awaitDebugger(
	ctx context.Context, a *Debugger, wanted int, started time.Time,
) (local int, err error) {
	if local, err = c.Host.LocalPort(wanted, a.Port); err != nil {
		return 0, err
	}
	return local, c.debuggerReady(ctx, a, started)
}

func wantedDebug(p rpc.Debug, dev config.Dev, start debugger.Start) *Wanted {
	spec := supervise.Spec{Argv: start.Argv, Own: len(p.Argv) > 0, Refuse: p.KeepRunning, TTY: p.TTY, Env: p.Env}
	build := start.Build
	if dev.HotReload {
		spec.Reload = reload(dev, dev.Command.HotReloadDebug, build, spec.Argv)
	}
	if p.NoBuild {
		build = nil
	}
	return &Wanted{Command: supervise.Debug, Build: build, Spec: spec}
}

// step tells the caller of a step, which begins now.
func (c *Container) step(ctx context.Context, name string) func(state event.StepState, detail string) {
	emit, begun := event.Sink(ctx), time.Now()
	return func(state event.StepState, detail string) {
		emit(event.Event{Type: event.Step, Session: c.Host.ID(), Step: &event.StepData{
			Name:    name,
			State:   state,
			Detail:  detail,
			Seconds: time.Since(begun).Seconds(),
		}})
	}
}

// Limits of waiting for a debugger: a compiler with a cold cache takes minutes.
const (
	debugLimit = 5 * time.Minute
	debugPause = 100 * time.Millisecond
)

// debuggerReady waits until the debugger answers, and gives up when its command ends. It asks in the pod: the forwarded
// port takes connections when nothing listens there, too.
func (c *Container) debuggerReady(ctx context.Context, a *Debugger, started time.Time) error {
	dial := func(ctx context.Context) (net.Conn, error) {
		return c.Host.Open(ctx, wire.KindForward, wire.ForwardParams{Port: a.Port})
	}
	step := c.step(ctx, "wait for the debugger")
	step(event.StepStarted, "")
	ctx, cancel := context.WithTimeout(ctx, debugLimit)
	defer cancel()
	sup := c.supervisor()
	for told := time.Now(); ; {
		err := debugger.Ready(ctx, a.Language, dial, a.Waits)
		if err == nil {
			step(event.StepDone, "")
			return nil
		}
		if st, statusErr := sup.Status(ctx, supervise.Debug); statusErr == nil && st.State == supervise.StateExited {
			step(event.StepFailed, "")
			c.lastWords(ctx, started)
			return problem.New(problem.Command, "the debugger did not come up: its command ended").
				WithHint("its output is above, and in `nhctl dev logs debug`")
		}
		if time.Since(told) > time.Second {
			told = time.Now()
			step(event.StepWaiting, err.Error())
		}
		select {
		case <-ctx.Done():
			step(event.StepFailed, "")
			return fmt.Errorf("wait for the debugger on port %d of the container: %w (it said last: %w)",
				a.Port, ctx.Err(), err)
		case <-time.After(debugPause):
		}
	}
}
