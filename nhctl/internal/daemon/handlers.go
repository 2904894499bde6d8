package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/creachadair/jrpc2"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// cluster is the caller's.
func cluster(c rpc.Caller) (*kube.Client, error) {
	return kube.New(kube.Options{Kubeconfig: c.Kubeconfig, Context: c.Context, Namespace: c.Namespace, Env: c.Env, Dir: c.Dir})
}

// emitter pushes events to the client whose call this is. A client that is gone misses them.
func emitter(ctx context.Context) func(event.Event) {
	server := jrpc2.ServerFromContext(ctx)
	push := context.WithoutCancel(ctx)
	if server == nil { // nobody called
		return func(event.Event) {}
	}
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
		if file != nil && !strings.Contains(t.Workload, "/") { // a NAME is what the config says
			if service, err := file.Service(workload.Ref{Name: t.Workload}); err == nil && service != nil {
				ref = service.Ref()
			}
		}
		return ref, file, errors.Join(refErr, err)
	}
	if err != nil {
		return workload.Ref{}, nil, err
	}
	if file == nil {
		return workload.Ref{}, nil, problem.New(problem.Usage, "no workload named, and no .dev/config.yaml in %s or above it", t.Caller.Dir).
			WithHint("name one, such as deploy/web, or go to the folder of a service that has a config")
	}
	service, err := file.Service(workload.Ref{})
	if err != nil {
		return workload.Ref{}, nil, err
	}
	return service.Ref(), file, nil
}

// find returns the live session that a call means.
func (d *Daemon) find(ctx context.Context, t rpc.Target) (*session, error) {
	c, err := cluster(t.Caller)
	if err != nil {
		return nil, err
	}
	v := &visitor{client: c}
	d.adopt(ctx, t.Caller, v)
	match := func(r devmode.Record) bool { return r.Session == t.Session }
	unnamed := error(nil)
	if t.Session == "" {
		ref, _, err := named(t, "")
		match = func(r devmode.Record) bool { return r.Workload == ref }
		if err != nil {
			unnamed = err
			match = func(devmode.Record) bool { return t.Workload == "" }
		}
	}
	matches, err := d.matching(ctx, v, match)
	if err != nil {
		return nil, err
	}
	if unnamed != nil && len(matches) != 1 {
		return nil, unnamed
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
		d.news(ctx, v)
		return nil, problem.New(problem.NoSession, "%s is not in dev mode here (namespace %s)", name, c.Namespace).
			WithHint("start it with `nhctl dev start`; `nhctl dev list` shows all sessions of the namespace")
	}
	ids := ""
	for _, s := range matches {
		ids += " " + s.record().Session
	}
	return nil, problem.New(problem.Usage, "several sessions match:%s", ids).WithHint("choose one with --session")
}

func (d *Daemon) list(ctx context.Context, p rpc.List) ([]rpc.Session, error) {
	if p.AllClusters {
		return d.everywhere(ctx, p.Caller), nil
	}
	c, err := cluster(p.Caller)
	if err != nil {
		return nil, err
	}
	v := &visitor{client: c}
	d.adopt(ctx, p.Caller, v)
	d.news(ctx, v)
	listed, err := devmode.List(ctx, c)
	if err != nil {
		return nil, err
	}
	now, err := c.Now(ctx)
	if err != nil {
		return nil, err
	}
	sessions := []rpc.Session{}
	for _, r := range listed.Records {
		view := recordView(r)
		view.Silent, view.Abandoned = r.Silent(now).Seconds(), r.Abandoned(now)
		s, err := d.live(ctx, v, r.Session)
		if err != nil {
			return nil, err
		}
		if s != nil {
			view.Live, view.Mine = true, true
			link := s.interactive.State()
			view.Link, view.Pod = &link, link.Pod
		} else {
			view.Mine = r.Holder.Local == local(p.Caller)
		}
		sessions = append(sessions, view)
	}
	for _, u := range listed.Unreadable {
		sessions = append(sessions, rpc.Session{Namespace: c.Namespace, Lease: u.Lease, Unreadable: u.Err.Error()})
	}
	return sessions, nil
}

// tellAbandoned tells who begins something of the sessions in the namespace that nobody serves any more.
func (d *Daemon) tellAbandoned(ctx context.Context, c *kube.Client, spec devmode.Spec) {
	listed, err := devmode.List(ctx, c)
	now, clockErr := c.Now(ctx)
	if errors.Join(err, clockErr) != nil {
		return // what comes next says it better
	}
	for _, r := range listed.Records {
		if r.Abandoned(now) && (r.Workload != spec.Workload || r.Mode != spec.Mode) {
			emitter(ctx)(event.Event{Type: event.Notice, Message: fmt.Sprintf("%s was abandoned by %s, last heard of %s ago; give it back with: nhctl dev end --abandoned %s",
				r.Workload, r.Holder, r.Silent(now).Round(time.Second), r.Workload.Argument())})
		}
	}
}

func (d *Daemon) status(ctx context.Context, t rpc.Target) (rpc.Session, error) {
	s, err := d.find(ctx, t)
	if err != nil {
		return rpc.Session{}, err
	}
	return s.status(ctx), nil
}

func (d *Daemon) forward(ctx context.Context, p rpc.Forward) ([]event.ForwardData, error) {
	s, err := d.find(ctx, p.Target)
	if err != nil {
		return nil, err
	}
	return s.forward(p.Open, p.Close)
}
