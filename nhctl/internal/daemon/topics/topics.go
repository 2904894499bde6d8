// Package topics is what clients can subscribe to: kubeconfig contexts, namespaces, workloads, sessions, forwarded
// ports, and what one session is doing. Each topic has a source, which turns what the cluster or this computer has into
// items, and which all clients with the same access share. It changes nothing, and knows nothing of how updates reach a
// client.
package topics

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/dispatch"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/subscription"
	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// Topics are those of one daemon.
type Topics struct {
	registry *registry.Registry
	hub      *subscription.Hub
	kinds    []Kind
	// watch raises a signal when one of some files changes, until stop is called.
	watch func(files []string, changed signal) (stop func())
}

// New returns the topics of a daemon whose sessions are in a registry.
func New(logger *slog.Logger, r *registry.Registry) *Topics {
	return &Topics{registry: r, hub: &subscription.Hub{Logger: logger}, watch: watchFiles}
}

// Methods are the calls about topics.
func (t *Topics) Methods() dispatch.Methods {
	return dispatch.Methods{
		rpc.MethodSubscribe: dispatch.Call(t.subscribe),
		rpc.MethodOverview:  dispatch.Call(t.overviewNow),
	}
}

// subscribe lasts until its client cancels it.
func (t *Topics) subscribe(ctx context.Context, p rpc.Subscribe) (struct{}, error) {
	done := struct{}{}
	switch {
	case p.Topic == rpc.TopicClusters:
		return done, t.clusters(ctx, p.Caller)
	case p.Topic == rpc.TopicOverview:
		return done, t.overview(ctx, p.Caller)
	case p.Topic == rpc.TopicForwards:
		return done, t.forwards(ctx, p.Caller)
	case p.Topic == rpc.TopicSessions && p.AllClusters:
		return done, t.everywhere(ctx, p.Caller)
	case p.Topic == rpc.TopicStatus || p.Topic == rpc.TopicSync:
		return done, t.session(ctx, p)
	}
	follow, known := map[rpc.Topic]func(context.Context, visit) error{
		rpc.TopicNamespaces: t.namespaces,
		rpc.TopicWorkloads:  t.workloads,
		rpc.TopicSessions:   t.sessions,
	}[p.Topic]
	if !known {
		return done, problem.New(problem.Usage, "there is no topic %q", p.Topic).
			WithHint("the topics are: clusters, namespaces, workloads, sessions, overview, forwards, status, sync")
	}
	c, err := session.ClientOf(p.Caller)
	if err != nil {
		return done, err
	}
	t.registry.Adopt(ctx, p.Caller, &session.Visitor{Client: c})
	custom, err := t.custom(p)
	if err != nil {
		return done, err
	}
	return done, follow(ctx, visit{
		client: c,
		caller: p.Caller,
		local:  session.LocalOf(p.Caller),
		custom: custom,
	})
}

// custom are the kinds of custom resources that a subscription has, with the places of their pod templates: those of
// the call, and of the caller's config. Their names say their resources, so that no one has to look for these.
func (t *Topics) custom(p rpc.Subscribe) (map[workload.Kind]string, error) {
	if p.Topic != rpc.TopicWorkloads {
		return nil, nil
	}
	all := map[workload.Kind]string{}
	for _, k := range t.kinds {
		maps.Copy(all, k.Custom(p.Caller))
	}
	for name, template := range p.Kinds {
		kind := workload.Kind(name)
		if !kind.Custom() || !kind.Known() {
			return nil, problem.New(problem.Usage, "%q names no kind of custom resources", name).
				WithHint("write RESOURCE.VERSION.GROUP, such as rollouts.v1alpha1.argoproj.io")
		}
		all[kind] = template
	}
	return all, nil
}

// visit is a subscription's way to its cluster.
type visit struct {
	client *kube.Client
	caller rpc.Caller
	local  string // user@host
	// custom are kinds of custom resources, with the places of their pod templates; "" means the usual one.
	custom map[workload.Kind]string
}

// key names what subscriptions share: the same view of the same namespace, with the same permissions.
func (v visit) key(topic rpc.Topic) string {
	parts := []string{string(topic), v.client.Access(), v.client.Namespace, v.local}
	for _, kind := range slices.Sorted(maps.Keys(v.custom)) {
		parts = append(parts, string(kind), v.custom[kind])
	}
	return strings.Join(parts, "\x00")
}

// source is where the items of a topic come from.
type source[T any] struct {
	topic rpc.Topic
	// key names it among all sources.
	key string
	// same says which differences between items are no news; nil for none.
	same func(a, b T) bool
	run  func(context.Context, *subscription.State[T])
	// put gives an update its items.
	put func(*rpc.Update, map[string]T)
}

// follow sends a source's items to the client of a call, until that ends.
func follow[T any](ctx context.Context, t *Topics, s source[T]) error {
	state, leave := subscription.Join(t.hub, s.key, s.same, s.run)
	defer leave()
	push := dispatch.Updates(ctx)
	return subscription.Follow(ctx, state, func(u subscription.Update[T]) error {
		update := rpc.Update{Topic: s.topic, Snapshot: u.Snapshot, Gone: u.Gone, Problem: u.Trouble}
		s.put(&update, u.Items)
		return push(update)
	})
}

// signal wakes what waits for a change.
type signal chan struct{}

func newSignal() signal { return make(signal, 1) }

// raise does not wait.
func (s signal) raise() {
	select {
	case s <- struct{}{}:
	default: // it is awake already
	}
}

// pace is the shortest time between two looks: more often than clients get updates is of no use.
const pace = 100 * time.Millisecond

// refresh looks at once, after each change, and every so often, until ctx ends.
func refresh(ctx context.Context, changed signal, every time.Duration, look func()) {
	for {
		look()
		if delay.For(ctx, pace) != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-time.After(every - pace):
		}
	}
}
