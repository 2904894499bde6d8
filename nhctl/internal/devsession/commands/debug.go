package commands

import (
	"context"
	"errors"
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
	if p.Test != nil {
		return c.debugTest(ctx, p)
	}
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
		a.Waits, a.joins = status.Held, true // it goes on as it is
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
		w := wantedDebug(p, dev, start, port)
		w.Debugger = a
		if status, err = c.launch(ctx, w, dev.OnBuildFailure == stopOnFailure); err != nil {
			return event.DebugData{}, err
		}
		c.want(w)
	}
	return c.attachable(ctx, p, a, status, start.Program)
}

// attachable waits for the debugger of a program that was started, or found, and says how clients attach to it.
func (c *Container) attachable(
	ctx context.Context, p rpc.Debug, a *Debugger, status supervise.Status, program string,
) (event.DebugData, error) {
	asking, stop := context.WithCancel(ctx)
	defer stop()
	paths := c.paths(asking, p, a.Language)
	local, err := c.awaitDebugger(ctx, a, p.LocalPort, *status.Started)
	if err != nil {
		stop()
		paths()
		return event.DebugData{}, err
	}
	if a.joins { // it may have been started again before its debugger has answered
		if now, err := c.service(ctx); err == nil {
			status, a.Waits = now, now.Held
		}
	}
	d := event.DebugData{
		Command:    c.data(status),
		Host:       debugHost,
		Port:       local,
		RemotePort: a.Port,
		Language:   a.Language,
		Program:    program,
		Waits:      a.Waits,
		Paths:      paths(),
	}
	d.Attach = debugger.Attach(d)
	return d, nil
}

// paths finds the folders on both sides, while the debugger comes up.
func (c *Container) paths(ctx context.Context, p rpc.Debug, language string) (found func() []event.PathData) {
	if len(p.Paths) > 0 {
		return func() []event.PathData { return p.Paths }
	}
	all := make(chan []event.PathData, 1)
	go func() { all <- slices.Concat(c.Folders, c.goPaths(ctx, p.Caller, language)) }()
	return func() []event.PathData { return <-all }
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

func wantedDebug(p rpc.Debug, dev config.Dev, start debugger.Start, port int) *Wanted {
	spec := specOf(p.Run)
	spec.Argv, spec.Wait = start.Argv, p.Wait
	build := start.Build
	if dev.HotReload {
		spec.Reload = reload(dev, dev.Command.HotReloadDebug, build, spec.Argv)
		if dev.Command.HotReloadDebug.Empty() && len(start.Held) > 0 {
			spec.Reload.Held = &supervise.Held{Argv: start.Held, Port: port}
		}
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
	// firstPause is the pause before delve is asked a second time, which listens soon after its start and minds no
	// early client; it doubles up to debugPause.
	firstPause = 5 * time.Millisecond
	// silences is how often in a row a debugger is asked in vain before it counts as one that has a client: on a busy
	// node it may just be slow.
	silences = 3
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
	sup, silent, pause := c.supervisor(), 0, debugPause
	if a.Language == debugger.Go {
		pause = firstPause
	}
	for told := time.Now(); ; pause = min(2*pause, debugPause) {
		err := debugger.Ready(ctx, a.Language, dial, a.Waits)
		if silent++; !errors.Is(err, debugger.ErrSilent) {
			silent = 0
		}
		if err == nil || silent > 0 && !a.joins { // an editor that has waited for this program was quicker
			step(event.StepDone, "")
			return nil
		}
		if st, statusErr := sup.Status(ctx, supervise.Debug); statusErr == nil && st.State == supervise.StateExited {
			step(event.StepFailed, "")
			c.lastWords(ctx, started)
			return problem.New(problem.Command, "the debugger did not come up: its command ended").
				WithHint("its output is above, and in `nhctl dev logs debug`")
		}
		if silent == silences {
			step(event.StepFailed, "")
			return problem.New(problem.Refused,
				"the debugger does not answer: it may have a client already, and take one at a time").
				WithHint("end the other client's session, or start the program again with `nhctl dev debug`")
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
		case <-time.After(pause):
		}
	}
}
