package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/creachadair/jrpc2"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/supervise"
)

// cluster is the caller's.
func cluster(c rpc.Caller) (*kube.Client, error) {
	return kube.New(kube.Options{Kubeconfig: c.Kubeconfig, Context: c.Context, Namespace: c.Namespace, Env: c.Env, Dir: c.Dir})
}

// emitter pushes events to the client whose call this is. A client that is gone misses them.
func emitter(ctx context.Context) func(event.Event) {
	server := jrpc2.ServerFromContext(ctx)
	push := context.WithoutCancel(ctx)
	return func(e event.Event) {
		e.V, e.Time = event.Version, time.Now()
		_ = server.Notify(push, rpc.MethodEvent, e)
	}
}

// named is the workload that a call means: the one it names, or the only one of the folder's config.
func named(t rpc.Target, profile string) (workload.Ref, *config.File, error) {
	file, err := config.Load(t.Caller.Dir, config.Options{Env: t.Caller.Env, Profile: profile})
	if t.Workload != "" {
		ref, refErr := workload.ParseRef(t.Workload)
		return ref, file, errors.Join(refErr, err)
	}
	if err != nil {
		return workload.Ref{}, nil, err
	}
	if file == nil {
		return workload.Ref{}, nil, problem.New(problem.Usage, "no workload named, and no .dev/config.yaml in %s or above it", t.Caller.Dir).
			WithHint("name one, such as deploy/web, or go to the folder of a service that has a config")
	}
	service, err := file.Service("")
	if err != nil {
		return workload.Ref{}, nil, err
	}
	ref, err := workload.ParseRef(service.ServiceType + "/" + service.Name)
	return ref, file, err
}

// find returns the live session that a call means.
func (d *Daemon) find(ctx context.Context, t rpc.Target) (*session, error) {
	c, err := cluster(t.Caller)
	if err != nil {
		return nil, err
	}
	d.adopt(t.Caller)
	matches := d.matching(c.Namespace, func(r devmode.Record) bool { return r.Session == t.Session })
	if t.Session == "" {
		ref, _, err := named(t, "")
		if err != nil {
			if t.Workload == "" {
				matches = d.matching(c.Namespace, func(devmode.Record) bool { return true })
			}
			if len(matches) != 1 {
				return nil, err
			}
		} else {
			matches = d.matching(c.Namespace, func(r devmode.Record) bool { return r.Workload == ref })
		}
	}
	switch len(matches) {
	case 1:
		matches[0].renew(c)
		return matches[0], nil
	case 0:
		name := t.Workload
		if name == "" {
			name = "this folder's workload"
		}
		return nil, problem.New(problem.NoSession, "%s is not in dev mode here (namespace %s)", name, c.Namespace).
			WithHint("start it with `nhctl dev start`; `nhctl dev list` shows all sessions of the namespace")
	}
	ids := ""
	for _, s := range matches {
		ids += " " + s.record().Session
	}
	return nil, problem.New(problem.Usage, "several sessions match:%s", ids).WithHint("choose one with --session")
}

func (d *Daemon) matching(namespace string, match func(devmode.Record) bool) []*session {
	d.mu.Lock()
	defer d.mu.Unlock()
	var found []*session
	for _, s := range d.sessions {
		if r := s.record(); r.Namespace == namespace && match(r) {
			found = append(found, s)
		}
	}
	return found
}

func (d *Daemon) list(ctx context.Context, p rpc.List) ([]rpc.Session, error) {
	c, err := cluster(p.Caller)
	if err != nil {
		return nil, err
	}
	d.adopt(p.Caller)
	records, err := devmode.List(ctx, c)
	if err != nil {
		return nil, err
	}
	sessions := []rpc.Session{}
	for _, r := range records {
		view := recordView(r)
		d.mu.Lock()
		s, live := d.sessions[r.Session]
		d.mu.Unlock()
		if live {
			view.Live, view.Mine = true, true
			link := s.interactive.State()
			view.Link, view.Pod = &link, link.Pod
		} else {
			view.Mine = r.Holder.Local == local(p.Caller)
		}
		sessions = append(sessions, view)
	}
	return sessions, nil
}

func (d *Daemon) status(ctx context.Context, t rpc.Target) (rpc.Session, error) {
	s, err := d.find(ctx, t)
	if err != nil {
		return rpc.Session{}, err
	}
	return s.status(ctx), nil
}

func (d *Daemon) syncStatus(ctx context.Context, t rpc.Target) ([]event.SyncData, error) {
	s, err := d.find(ctx, t)
	if err != nil {
		return nil, err
	}
	return []event.SyncData{s.syncData(ctx)}, nil
}

// callLimit limits a call to the pod while its carrier is down.
const callLimit = 30 * time.Second

func (d *Daemon) run(ctx context.Context, p rpc.Run) (event.CommandData, error) {
	s, err := d.find(ctx, p.Target)
	if err != nil {
		return event.CommandData{}, err
	}
	r := s.record()
	argv := p.Argv
	if len(argv) == 0 {
		dev, err := s.dev(p.Caller.Env)
		if err != nil {
			return event.CommandData{}, err
		}
		if dev.Command.Run.Empty() {
			return event.CommandData{}, problem.New(problem.Usage, "the config has no run command for container %s", r.Container).
				WithHint("set containers[].dev.command.run in .dev/config.yaml, or name it: nhctl dev run -- COMMAND")
		}
		argv = dev.Command.Run.Args(dev.Shell)
	}
	arrived(ctx, s)
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	status, err := s.supervisor(r.Container).Start(ctx, supervise.Run, supervise.Spec{Argv: argv, Dir: r.WorkDir, Refuse: p.KeepRunning})
	if errors.Is(err, supervise.ErrRunning) {
		return event.CommandData{}, problem.New(problem.Refused, "the run command runs already").WithHint("leave out --keep to replace it, or stop it with `nhctl dev stop`")
	}
	if err != nil {
		return event.CommandData{}, fmt.Errorf("start the run command: %w", err)
	}
	return commandData(status), nil
}

// arrivalLimit limits how long a command waits for what was saved before it.
const arrivalLimit = 30 * time.Second

// arrived waits until what was saved before the call is in the pod, so that the command builds that, and says so when it is not.
func arrived(ctx context.Context, s *session) {
	limited, cancel := context.WithTimeout(ctx, arrivalLimit)
	defer cancel()
	if err := s.converge(limited); err != nil && ctx.Err() == nil {
		emitter(ctx)(event.Event{Type: event.Notice, Session: s.record().Session,
			Message: fmt.Sprintf("the command runs with what is in the pod, but not all that was saved is there: %v; `nhctl dev sync status` says more", err)})
	}
}

func (d *Daemon) stopCommand(ctx context.Context, t rpc.Target) (event.CommandData, error) {
	s, err := d.find(ctx, t)
	if err != nil {
		return event.CommandData{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	status, err := s.supervisor(s.record().Container).Stop(ctx, supervise.Run)
	if err != nil {
		return event.CommandData{}, fmt.Errorf("stop the run command: %w", err)
	}
	return commandData(status), nil
}

// logs pushes the run command's output. Following goes on over a lost carrier; the lines of the new connection that were seen
// already are left out by their time.
func (d *Daemon) logs(ctx context.Context, p rpc.Logs) (struct{}, error) {
	s, err := d.find(ctx, p.Target)
	if err != nil {
		return struct{}{}, err
	}
	emit, tail, last := emitter(ctx), p.Tail, time.Time{}
	for {
		err := s.supervisor(s.record().Container).Logs(ctx, supervise.Run, tail, p.Follow, func(l supervise.Line) error {
			if l.Time.After(last) || l.Time.IsZero() {
				last = l.Time
				emit(event.Event{Type: event.Log, Log: &event.LogData{Time: l.Time, Stream: l.Stream, Text: l.Text}})
			}
			return ctx.Err()
		})
		if err == nil || ctx.Err() != nil || !p.Follow {
			if errors.Is(err, context.Canceled) {
				err = nil
			}
			d.warnOutOfMemory(ctx, s, emit)
			return struct{}{}, err
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			d.logger.Debug("follow logs", "error", err)
		}
		tail = 0
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (d *Daemon) warnOutOfMemory(ctx context.Context, s *session, emit func(event.Event)) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if st, err := s.supervisor(s.record().Container).Status(ctx, supervise.Run); err == nil && st.OOMKilled {
		emit(event.Event{Type: event.Notice, Message: outOfMemory(st)})
	}
}

func (d *Daemon) forward(ctx context.Context, p rpc.Forward) ([]event.ForwardData, error) {
	s, err := d.find(ctx, p.Target)
	if err != nil {
		return nil, err
	}
	return s.forward(p.Open, p.Close)
}

func (d *Daemon) container(ctx context.Context, t rpc.Target) (rpc.Container, error) {
	s, err := d.find(ctx, t)
	if err != nil {
		return rpc.Container{}, err
	}
	r := s.record()
	pod, err := devmode.Pod(ctx, s.client(), r)
	if err != nil {
		return rpc.Container{}, err
	}
	if !workload.Running(pod) {
		return rpc.Container{}, problem.New(problem.NotReady, "the dev pod of %s does not run at the moment", r.Workload).WithHint("`nhctl dev status` says more; try again in a moment")
	}
	c := rpc.Container{Namespace: r.Namespace, Pod: pod.Name, Container: r.Container, WorkDir: r.WorkDir}
	if r.Shell != "" {
		c.Shell = []string{r.Shell}
	}
	return c, nil
}
