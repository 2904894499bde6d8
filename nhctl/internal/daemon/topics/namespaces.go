package topics

import (
	"context"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/subscription"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/session"
)

// namespaces follows the namespaces of the caller's cluster.
func (t *Topics) namespaces(ctx context.Context, v visit) error {
	return follow(ctx, t, source[rpc.Namespace]{
		topic: rpc.TopicNamespaces,
		key:   strings.Join(append([]string{v.key(rpc.TopicNamespaces)}, v.client.Files...), "\x00"),
		run: func(ctx context.Context, s *subscription.State[rpc.Namespace]) {
			changed := newSignal()
			defer t.watch(v.client.Files, changed)()
			defer t.registry.Watch(changed.raise)()
			var following sync.WaitGroup
			defer following.Wait()
			objects := kube.NewObjects(changed.raise)
			all := kube.Selection{Resource: corev1.SchemeGroupVersion.WithResource("namespaces")}
			following.Go(func() { v.client.Follow(ctx, all, objects) })
			refresh(ctx, changed, kube.PollInterval, func() {
				if list, state := objects.List(); state.Listed || state.Failed != nil {
					items, trouble := namespacesOf(list, state, t.known(v))
					s.Set(items, trouble)
				}
			})
		},
		put: func(u *rpc.Update, items map[string]rpc.Namespace) { u.Namespaces = items },
	})
}

// known are the namespaces of the cluster that this computer has heard of.
func (t *Topics) known(v visit) map[string][]rpc.Source {
	from := map[rpc.Source][]string{rpc.FromKubeconfig: {v.client.Namespace}}
	add := func(s rpc.Source, namespace string) { from[s] = append(from[s], namespace) }
	servers := map[string]string{} // by context
	contexts, _ := kube.Contexts(session.OptionsOf(v.caller))
	for _, c := range contexts {
		servers[c.Name] = c.Server
		if c.Server == v.client.Server() {
			add(rpc.FromKubeconfig, c.Namespace)
		}
	}
	for _, s := range t.registry.Views() {
		if s.Server == v.client.Server() || s.Server == "" && servers[s.Context] == v.client.Server() {
			add(rpc.FromSessions, s.Namespace)
		}
	}
	ended, _ := t.registry.History()
	for _, e := range ended {
		if e.Place.Server == v.client.Identity {
			add(rpc.FromSessions, e.Namespace)
		}
	}
	known := map[string][]rpc.Source{}
	for _, s := range []rpc.Source{rpc.FromKubeconfig, rpc.FromSessions} {
		seen := map[string]bool{"": true}
		for _, name := range from[s] {
			if !seen[name] {
				seen[name], known[name] = true, append(known[name], s)
			}
		}
	}
	return known
}

// namespacesOf are the cluster's namespaces, as far as the caller may list them, else those that are known.
func namespacesOf(
	listed []*unstructured.Unstructured, state kube.ObjectsState, known map[string][]rpc.Source,
) (map[string]rpc.Namespace, *problem.Error) {
	items := map[string]rpc.Namespace{}
	if !state.Listed {
		polled := ""
		trouble := state.Failed
		if trouble != nil && trouble.Code == problem.Forbidden { // that is how it is, and not for the moment
			polled, trouble = trouble.Message, nil
		}
		for name, sources := range known {
			items[name] = rpc.Namespace{Name: name, Sources: sources, Polled: polled}
		}
		return items, trouble
	}
	for _, o := range listed {
		items[o.GetName()] = rpc.Namespace{
			Name:        o.GetName(),
			Sources:     append([]rpc.Source{rpc.FromCluster}, known[o.GetName()]...),
			Terminating: o.GetDeletionTimestamp() != nil,
			Polled:      reason(state.Polled),
		}
	}
	return items, state.Failed
}

// reason is why something is polled.
func reason(p *problem.Error) string {
	if p == nil {
		return ""
	}
	return p.Message
}
