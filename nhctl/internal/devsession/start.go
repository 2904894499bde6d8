package devsession

import (
	"context"
	"errors"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/plan"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/plant"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/sidecarbinary"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// Limits of a start.
const (
	defaultTimeout = 5 * time.Minute
	forgetLimit    = 10 * time.Second // of looking whether a failed one has left something
)

// start takes a workload into dev mode, or returns the caller's session of it that lives already.
func (k *Kind) start(ctx context.Context, p rpc.Start) (rpc.Session, error) {
	todo, err := plan.Read(p, inCluster{ctx, p.Caller})
	if err != nil {
		return rpc.Session{}, err
	}
	for _, text := range todo.Notices {
		event.Sink(ctx)(event.Event{Type: event.Notice, Message: text})
	}
	v, err := k.registry.Visit(ctx, p.Caller)
	if err != nil {
		return rpc.Session{}, err
	}
	k.registry.News(ctx, v)
	k.tellAbandoned(ctx, v.Client, todo.Spec)
	again, err := k.reattach(ctx, v, todo.Spec)
	if err != nil {
		return rpc.Session{}, err
	}
	if again != nil {
		return *again, nil
	}
	if err := k.trusted(p, todo.Asks); err != nil {
		return rpc.Session{}, err
	}
	place, err := v.Where(ctx)
	if err != nil {
		return rpc.Session{}, err
	}
	r := devmode.Record{Namespace: v.Client.Namespace, Workload: todo.Spec.Workload}
	release, err := k.registry.Reserve(work(place, r))
	if err != nil {
		return rpc.Session{}, err
	}
	defer release()
	return k.enter(ctx, v.Client, p, todo)
}

// reattach returns the caller's live session of the workload, if there is one.
func (k *Kind) reattach(ctx context.Context, v *session.Visitor, spec devmode.Spec) (*rpc.Session, error) {
	same := func(r devmode.Record) bool { return r.Workload == spec.Workload && r.Mode == spec.Mode }
	live, err := k.matching(ctx, v, same)
	if err != nil || len(live) == 0 {
		return nil, err
	}
	s := live[0]
	s.renew(v.Client)
	// A cluster or a namespace that was created again knows nothing of it.
	if _, there, err := lease.Lookup(ctx, v.Client, s.record()); err == nil && !there {
		k.drop(s, "the cluster has nothing of it")
		return nil, nil
	}
	if err := s.develops(spec); err != nil {
		return nil, err
	}
	view := s.Status(ctx)
	view.Reattached = true
	return &view, nil
}

// develops refuses a start that names more containers than the living session has.
func (s *Session) develops(spec devmode.Spec) error {
	if len(spec.Extra) == 0 {
		return nil
	}
	r := s.record()
	for _, d := range append([]devmode.Dev{spec.Dev}, spec.Extra...) {
		if !slices.ContainsFunc(r.Containers(), func(c record.Container) bool { return c.Name == d.Name() }) {
			return problem.New(problem.Refused,
				"%s is in dev mode already, and container %s is not", r.Workload, d.Name()).
				WithHint("end dev mode and start it again with all containers: nhctl dev end %s", r.Workload.Argument())
		}
	}
	return nil
}

func (k *Kind) enter(ctx context.Context, c *kube.Client, p rpc.Start, todo plan.Plan) (rpc.Session, error) {
	emit := event.Sink(ctx)
	timeout := p.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var err error
	if todo.Spec.Holder, err = session.HolderOf(ctx, c, p.Caller); err != nil {
		return rpc.Session{}, err
	}
	state := saved{State: todo.State}
	state.leadBy(c)
	s := newSession(k.dirs, k.logger, c, state, k)
	quiet := s.Tell(emit)
	defer quiet()
	deps := devmode.Deps{
		Cluster: c,
		Link:    s,
		Emit:    s.Emit,
		Binaries: func() plant.Binaries {
			return sidecarbinary.Default(func(text string) {
				s.Emit(event.Event{Type: event.Notice, Message: text})
			})
		},
		Oust: k.oust(c),
	}
	if _, err := devmode.Enter(ctx, deps, todo.Spec); err != nil {
		s.Stop()
		if s.ID() != "" {
			err = errors.Join(err, k.forget(ctx, c, s))
		}
		return rpc.Session{}, err
	}
	k.registry.Add(s)
	s.serve()
	return s.Status(ctx), nil
}

// forget removes a failed session's local state, unless the cluster still has something of it: then the next command
// tries again.
func (k *Kind) forget(ctx context.Context, c *kube.Client, s *Session) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), forgetLimit)
	defer cancel()
	if _, there, err := lease.Lookup(ctx, c, s.record()); err != nil || there {
		return err
	}
	return session.Remove(k.dirs, s.ID())
}

// inCluster asks the caller's cluster what a plan needs.
type inCluster struct {
	ctx    context.Context
	caller rpc.Caller
}

// Containers are a workload's.
func (i inCluster) Containers(ref workload.Ref, podTemplate string) ([]corev1.Container, error) {
	c, err := session.ClientOf(i.caller)
	if err != nil {
		return nil, err
	}
	return devmode.Containers(i.ctx, c, ref, podTemplate)
}

// Config is what the team keeps in the cluster for a workload; nil when there is none.
func (i inCluster) Config(ref workload.Ref, profile string) (*config.File, error) {
	c, err := session.ClientOf(i.caller)
	if err != nil {
		return nil, err
	}
	origin, text, err := c.SharedConfig(i.ctx, ref)
	if err != nil || origin == "" {
		return nil, err
	}
	return config.LoadShared(origin, text, ref, profile)
}
