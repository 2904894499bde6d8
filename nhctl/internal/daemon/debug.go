package daemon

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/debugger"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/supervise"
)

// debug builds and starts the service under its debugger, and returns when the debugger takes clients on a local port.
func (d *Daemon) debug(ctx context.Context, p rpc.Debug) (event.DebugData, error) {
	s, dev, err := d.at(ctx, p.Run, supervise.Debug)
	if err != nil {
		return event.DebugData{}, err
	}
	port, err := debugger.Port(dev.Debug)
	if err != nil {
		return event.DebugData{}, err
	}
	status, err := s.service(ctx)
	if err != nil {
		return event.DebugData{}, err
	}
	start, err := debugStart(p, dev, port)
	a := &awaited{Language: dev.Debug.Language, Port: port, Waits: p.Wait}
	if p.Join && status.Name == supervise.Debug && status.State == supervise.StateRunning {
		a.Waits = false // it goes on as it is
	} else {
		if err != nil {
			return event.DebugData{}, err
		}
		w := debugWish(p, dev, start)
		w.Debugger = a
		if status, err = s.launch(ctx, w, dev.OnBuildFailure == stopOnFailure); err != nil {
			return event.DebugData{}, err
		}
		s.wants(w)
	}
	local, err := s.awaitDebugger(ctx, a, p.LocalPort, *status.Started)
	if err != nil {
		return event.DebugData{}, err
	}
	return event.DebugData{Command: s.data(status), Host: debugHost, Port: local, RemotePort: port, Language: dev.Debug.Language,
		Program: start.Program, Waits: a.Waits, Paths: append(s.mappings(), s.goPaths(ctx, p.Caller, dev.Debug.Language)...)}, nil
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
func (s *developed) awaitDebugger(ctx context.Context, a *awaited, wanted int, started time.Time) (local int, err error) {
	if local, err = s.debugPort(wanted, a.Port); err != nil {
		return 0, err
	}
	return local, s.debuggerReady(ctx, a.Language, net.JoinHostPort(debugHost, strconv.Itoa(local)), a.Waits, started)
}

func debugWish(p rpc.Debug, dev config.Dev, start debugger.Start) *wish {
	spec := supervise.Spec{Argv: start.Argv, Own: len(p.Argv) > 0, Refuse: p.KeepRunning, TTY: p.TTY}
	build := start.Build
	if dev.HotReload {
		spec.Reload = reload(dev, dev.Command.HotReloadDebug, build, spec.Argv)
	}
	if p.NoBuild {
		build = nil
	}
	return &wish{Command: supervise.Debug, Build: build, Spec: spec}
}

// debugPort forwards a debugger's port: to the wanted local one, or to the one that leads there already, its own number, or any.
func (s *session) debugPort(local, remote int) (int, error) {
	for _, f := range s.forwards.List() {
		if f.Remote == remote && (local == 0 || f.Local == local) {
			return f.Local, nil
		}
	}
	wanted := []int{local}
	if local == 0 {
		wanted = []int{remote, 0}
	}
	var list []event.ForwardData
	var err error
	for _, w := range wanted {
		if list, err = s.forward([]rpc.PortPair{{Local: w, Remote: remote}}, nil); err == nil {
			break
		}
	}
	for _, f := range list {
		if f.Remote == remote && (local == 0 || f.Local == local) {
			return f.Local, nil
		}
	}
	return 0, err
}

// Limits of waiting for a debugger: a compiler with a cold cache takes minutes.
const (
	debugLimit = 5 * time.Minute
	debugPause = 100 * time.Millisecond
)

// debuggerReady waits until the debugger answers, and gives up when its command ends.
func (s *developed) debuggerReady(ctx context.Context, language, address string, waits bool, started time.Time) error {
	emit, begun := emitter(ctx), time.Now()
	step := func(state event.StepState, detail string) {
		emit(event.Event{Type: event.Step, Session: s.record().Session,
			Step: &event.StepData{Name: "wait for the debugger", State: state, Detail: detail, Seconds: time.Since(begun).Seconds()}})
	}
	step(event.StepStarted, "")
	ctx, cancel := context.WithTimeout(ctx, debugLimit)
	defer cancel()
	sup := s.supervisor()
	for told := begun; ; {
		err := debugger.Ready(ctx, language, address, waits)
		if err == nil {
			step(event.StepDone, "")
			return nil
		}
		if st, statusErr := sup.Status(ctx, supervise.Debug); statusErr == nil && st.State == supervise.StateExited {
			step(event.StepFailed, "")
			s.lastWords(ctx, started)
			return problem.New(problem.Command, "the debugger did not come up: its command ended").WithHint("its output is above, and in `nhctl dev logs debug`")
		}
		if time.Since(told) > time.Second {
			told = time.Now()
			step(event.StepWaiting, err.Error())
		}
		select {
		case <-ctx.Done():
			step(event.StepFailed, "")
			return fmt.Errorf("wait for the debugger on %s: %w (it said last: %w)", address, ctx.Err(), err)
		case <-time.After(debugPause):
		}
	}
}

// lastWords pushes what the debug command printed at its end.
func (s *developed) lastWords(ctx context.Context, since time.Time) {
	const lines = 20
	emit := emitter(ctx)
	_ = s.follow(ctx, supervise.Debug, supervise.LogsOptions{Tail: lines, Since: since}, func(l supervise.Line) { emit(logEvent(supervise.Debug, l)) })
}

// mappings are the container's synced folders, as a debugger maps them.
func (s *developed) mappings() []event.PathData {
	var all []event.PathData
	for _, f := range s.record().Folders() {
		if f.Container == s.Name {
			all = append(all, event.PathData{Local: f.Local, Remote: f.Remote})
		}
	}
	return all
}
