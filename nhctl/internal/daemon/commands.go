package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/supervise"
)

// callLimit limits a call to the pod while its carrier is down.
const callLimit = 30 * time.Second

// build runs the build command, and returns when it has ended.
func (d *Daemon) build(ctx context.Context, p rpc.Run) (event.CommandData, error) {
	s, dev, err := d.at(ctx, p, supervise.Build)
	if err != nil {
		return event.CommandData{}, err
	}
	argv := p.Argv
	if len(argv) == 0 {
		if dev.Command.Build.Empty() {
			return event.CommandData{}, missing(s, supervise.Build)
		}
		argv = dev.Command.Build.Args(dev.Shell)
	}
	arrived(ctx, s.session)
	status, err := s.build(ctx, argv)
	return s.data(status), err
}

// at finds a call's session, and what the config says of its container now; what it leaves open of the command is found by the sources.
func (d *Daemon) at(ctx context.Context, p rpc.Run, command string) (*developed, config.Dev, error) {
	s, err := d.developed(ctx, p.Target)
	if err != nil {
		return nil, config.Dev{}, err
	}
	dev, err := s.dev(p.Caller.Env)
	if err != nil {
		return s, dev, err
	}
	if len(p.Argv) == 0 || command == supervise.Debug {
		var said string
		if dev, said = bySources(dev, command, s.root()); said != "" {
			emitter(ctx)(event.Event{Type: event.Notice, Session: s.record().Session, Message: said})
		}
	}
	s.allow(ctx, dev)
	return s, dev, nil
}

func missing(s *developed, command string) error {
	return problem.New(problem.Usage, "no config has a %s command for container %s, and the sources in %s don't show one", command, s.Name, s.root()).
		WithHint("set containers[].dev.command.%s in .dev/config.yaml, or name it: nhctl dev %s -- COMMAND", command, command)
}

// run builds and starts the service.
func (d *Daemon) run(ctx context.Context, p rpc.Run) (event.CommandData, error) {
	s, dev, err := d.at(ctx, p, supervise.Run)
	if err != nil {
		return event.CommandData{}, err
	}
	spec := supervise.Spec{Argv: p.Argv, Own: len(p.Argv) > 0, Refuse: p.KeepRunning, TTY: p.TTY}
	var build []string
	if !spec.Own {
		if dev.Command.Run.Empty() {
			return event.CommandData{}, missing(s, supervise.Run)
		}
		spec.Argv, build = dev.Command.Run.Args(dev.Shell), dev.Command.Build.Args(dev.Shell)
	}
	if dev.HotReload {
		spec.Reload = reload(dev, dev.Command.HotReloadRun, build, spec.Argv)
	}
	if p.NoBuild {
		build = nil
	}
	w := &wish{Command: supervise.Run, Build: build, Spec: spec}
	status, err := s.launch(ctx, w, dev.OnBuildFailure == stopOnFailure)
	if err == nil {
		s.wants(w)
	}
	return s.data(status), err
}

// restart starts anew what was started last: with the present config, or a command of the user's own as it was.
func (d *Daemon) restart(ctx context.Context, t rpc.Target) (event.CommandData, error) {
	s, err := d.developed(ctx, t)
	if err != nil {
		return event.CommandData{}, err
	}
	last, err := s.service(ctx)
	if err != nil {
		return event.CommandData{}, err
	}
	p := rpc.Run{Target: t}
	if last.Own {
		p.Argv = last.Argv
	}
	if last.Name == supervise.Debug {
		debug, err := d.debug(ctx, rpc.Debug{Run: p})
		return debug.Command, err
	}
	return d.run(ctx, p)
}

// show tells the caller what was started.
func (s *developed) show(ctx context.Context, status supervise.Status) {
	c := s.data(status)
	emitter(ctx)(event.Event{Type: event.Command, Session: s.record().Session, Command: &c})
}

// build runs a build with its output pushed to the caller. A caller that leaves stops it.
func (s *developed) build(ctx context.Context, argv []string) (supervise.Status, error) {
	sup := s.supervisor()
	starting, cancel := context.WithTimeout(ctx, callLimit)
	status, err := sup.Start(starting, supervise.Build, supervise.Spec{Argv: argv, Dir: s.WorkDir})
	cancel()
	if err != nil {
		return status, fmt.Errorf("start the build: %w", err)
	}
	s.show(ctx, status)
	defer func() {
		if ctx.Err() != nil {
			limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), callLimit)
			defer cancel()
			_, _ = sup.Stop(limited, supervise.Build)
		}
	}()
	emit := emitter(ctx)
	err = s.follow(ctx, supervise.Build, supervise.LogsOptions{Since: *status.Started, Follow: true, Ended: true}, func(l supervise.Line) {
		if l.Stream != "nhctl" {
			emit(logEvent(supervise.Build, l))
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
		return ended, problem.New(problem.Command, "the build was stopped: another one took its place, or the pod was lost").WithHint("build again with `nhctl dev build`")
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
			WithHint("its output is above, and in `nhctl dev logs build`; what ran before goes on").WithExit(*st.ExitCode)
	}
	return nil
}

// arrivalLimit limits how long a command waits for what was saved before it.
const arrivalLimit = 30 * time.Second

// arrived waits until what was saved before the call is in the pod, so that the command builds that, and says so when it is not.
func arrived(ctx context.Context, s *session) {
	limited, cancel := context.WithTimeout(ctx, arrivalLimit)
	defer cancel()
	if err := converge(limited, s.synced()); err != nil && ctx.Err() == nil {
		emitter(ctx)(event.Event{Type: event.Notice, Session: s.record().Session,
			Message: fmt.Sprintf("the command runs with what is in the pod, but not all that was saved is there: %v; `nhctl dev sync status` says more", err)})
	}
}

// stopCommand stops a command, or whatever runs.
func (d *Daemon) stopCommand(ctx context.Context, p rpc.Stop) (event.CommandData, error) {
	s, err := d.developed(ctx, p.Target)
	if err != nil {
		return event.CommandData{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	name := p.Command
	if name == "" {
		last, err := s.service(ctx)
		if err != nil {
			return event.CommandData{}, err
		}
		name = last.Name
	}
	if name != supervise.Build {
		s.wants(nil)
	}
	status, err := s.supervisor().Stop(ctx, name)
	if err != nil {
		return event.CommandData{}, fmt.Errorf("stop the %s command: %w", name, err)
	}
	return s.data(status), nil
}

// logs pushes a command's output.
func (d *Daemon) logs(ctx context.Context, p rpc.Logs) (struct{}, error) {
	s, err := d.developed(ctx, p.Target)
	if err != nil {
		return struct{}{}, err
	}
	name := p.Command
	if name == "" {
		last, err := s.service(ctx)
		if err != nil {
			return struct{}{}, err
		}
		name = last.Name
	}
	emit := emitter(ctx)
	err = s.follow(ctx, name, supervise.LogsOptions{Tail: p.Tail, Follow: p.Follow}, func(l supervise.Line) { emit(logEvent(name, l)) })
	limited, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if st, err := s.supervisor().Status(limited, name); err == nil && st.OOMKilled {
		emit(event.Event{Type: event.Notice, Message: outOfMemory(st)})
	}
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return struct{}{}, err
}

func logEvent(command string, l supervise.Line) event.Event {
	return event.Event{Type: event.Log, Log: &event.LogData{Time: l.Time, Stream: l.Stream, Text: l.Text, Command: command}}
}

// follow reads a command's output. Following goes on over a lost carrier; the lines of the new connection that were seen already are
// left out by their time.
func (s *developed) follow(ctx context.Context, name string, o supervise.LogsOptions, emit func(supervise.Line)) error {
	for {
		err := s.supervisor().Logs(ctx, name, o, func(l supervise.Line) error {
			o.Since, o.Tail = l.Time, 0
			emit(l)
			return ctx.Err()
		})
		if refusal := supervise.Refusal(""); err == nil || ctx.Err() != nil || !o.Follow || errors.As(err, &refusal) {
			return errors.Join(err, ctx.Err())
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			s.logger.Debug("follow output", "command", name, "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}
