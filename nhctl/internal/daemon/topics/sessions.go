package topics

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/subscription"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// leases are those of a namespace's sessions.
func leases(namespace string) kube.Selection {
	return kube.Selection{
		Resource:  coordinationv1.SchemeGroupVersion.WithResource("leases"),
		Namespace: namespace,
		Labels:    contract.LabelRole + "=" + contract.RoleSession,
	}
}

// sessions follows the sessions of the caller's namespace, everyone's.
func (t *Topics) sessions(ctx context.Context, v visit) error {
	return follow(ctx, t, source[rpc.Session]{
		topic: rpc.TopicSessions,
		key:   v.key(rpc.TopicSessions),
		same:  sameSession,
		run: func(ctx context.Context, s *subscription.State[rpc.Session]) {
			changed := newSignal()
			defer t.registry.Watch(changed.raise)()
			var following sync.WaitGroup
			defer following.Wait()
			objects := kube.NewObjects(changed.raise)
			following.Go(func() { v.client.Follow(ctx, leases(v.client.Namespace), objects) })
			// A session that falls silent changes nothing in the cluster.
			visitor := &session.Visitor{Client: v.client}
			refresh(ctx, changed, record.Beat, func() { t.setSessions(ctx, visitor, v.local, objects, s) })
		},
		put: func(u *rpc.Update, items map[string]rpc.Session) { u.Sessions = items },
	})
}

// setSessions sets the sessions by their Leases.
func (t *Topics) setSessions(
	ctx context.Context, v *session.Visitor, local string, objects *kube.Objects,
	s *subscription.State[rpc.Session],
) {
	list, state := objects.List()
	if !state.Listed {
		if state.Failed != nil {
			s.Fail(state.Failed)
		}
		return
	}
	now, err := v.Client.Now(ctx)
	if err != nil {
		s.Fail(problem.From(err))
		return
	}
	items := map[string]rpc.Session{}
	for _, o := range list {
		r, unreadable := readLease(o)
		if unreadable != nil {
			items["lease/"+o.GetName()] = registry.Unreadable(v.Client.Namespace, *unreadable)
			continue
		}
		view, err := t.registry.View(ctx, v, r, local, now)
		if err != nil {
			s.Fail(problem.From(err))
			return
		}
		items[r.Session] = view
	}
	s.Set(items, state.Failed)
}

// readLease reads the record of a Lease that is followed.
func readLease(o *unstructured.Unstructured) (record.Record, *lease.Unreadable) {
	var l coordinationv1.Lease
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &l); err != nil {
		return record.Record{}, &lease.Unreadable{Lease: o.GetName(), Err: err}
	}
	return lease.Read(&l)
}

// sameSession says that a heartbeat alone is no news, only that there was none for long.
func sameSession(a, b rpc.Session) bool {
	if a.Quiet() != b.Quiet() {
		return false
	}
	a.Heartbeat, b.Heartbeat, a.Silent, b.Silent = time.Time{}, time.Time{}, 0, 0
	return subscription.SameJSON(a, b)
}

// local follows what this computer's sessions have, in whatever cluster.
func local[T any](
	ctx context.Context, t *Topics, caller rpc.Caller, topic rpc.Topic, look func() map[string]T,
	put func(*rpc.Update, map[string]T),
) error {
	t.registry.Adopt(ctx, caller, session.VisitorOf(caller))
	return follow(ctx, t, source[T]{
		topic: topic,
		key:   "this computer's " + string(topic),
		run: func(ctx context.Context, s *subscription.State[T]) {
			changed := newSignal()
			defer t.registry.Watch(changed.raise)()
			refresh(ctx, changed, kube.PollInterval, func() { s.Set(look(), nil) })
		},
		put: put,
	})
}

// everywhere follows the sessions of this computer.
func (t *Topics) everywhere(ctx context.Context, caller rpc.Caller) error {
	return local(ctx, t, caller, rpc.TopicSessions, func() map[string]rpc.Session {
		items := map[string]rpc.Session{}
		for _, s := range t.registry.Views() {
			items[s.ID] = s
		}
		return items
	}, func(u *rpc.Update, items map[string]rpc.Session) { u.Sessions = items })
}

// forwards follows the ports that this computer forwards.
func (t *Topics) forwards(ctx context.Context, caller rpc.Caller) error {
	return local(ctx, t, caller, rpc.TopicForwards, func() map[string]rpc.Forwarded {
		items := map[string]rpc.Forwarded{}
		for _, s := range t.registry.Live() {
			view := s.View()
			for _, f := range s.Forwards() {
				items[strings.Join([]string{view.ID, fmt.Sprint(f.Local)}, "/")] = rpc.Forwarded{
					ForwardData: f,
					Session:     view.ID,
					Namespace:   view.Namespace,
					Workload:    view.Workload,
				}
			}
		}
		return items
	}, func(u *rpc.Update, items map[string]rpc.Forwarded) { u.Forwards = items })
}
