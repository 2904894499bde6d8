package topics

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/record"
)

type namespaces = map[string]rpc.Namespace

// Who may list namespaces sees those that there are.
func TestNamespaces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		l := s.subscribe(s.namespaces, s.visit("ada"))
		l.want(t, rpc.Update{Topic: rpc.TopicNamespaces, Snapshot: true, Namespaces: namespaces{
			"shop":    {Name: "shop", Sources: []rpc.Source{rpc.FromCluster, rpc.FromKubeconfig}},
			"staging": {Name: "staging", Sources: []rpc.Source{rpc.FromCluster}},
		}})
		s.Add(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "new"}})
		rest(time.Second)
		l.want(t, rpc.Update{
			Topic:      rpc.TopicNamespaces,
			Namespaces: namespaces{"new": {Name: "new", Sources: []rpc.Source{rpc.FromCluster}}},
		})
		kubetest.Delete[corev1.Namespace](s.Cluster, "", "staging")
		rest(time.Second)
		l.want(t, rpc.Update{Topic: rpc.TopicNamespaces, Gone: []string{"staging"}})
		l.leave()
	})
}

// Who may not sees those that the kubeconfig and the history name, with the reason; once they may, the cluster's.
func TestNamespacesForbidden(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.Forbid("ada", "list", "namespaces")
		v := s.visit("ada")
		ended := func(namespace, server string) registry.Ended {
			return registry.Ended{Session: "0a1b2c3d", Namespace: namespace, Place: record.Place{Server: server}}
		}
		s.registry.Remember(ended("before", v.client.Identity))
		s.registry.Remember(ended("shop", v.client.Identity))
		s.registry.Remember(ended("elsewhere", "another cluster"))
		l := s.subscribe(s.namespaces, v)
		got := l.take()
		if len(got) != 1 {
			t.Fatalf("%+v", got)
		}
		why := got[0].Namespaces["shop"].Polled
		if why == "" {
			t.Error("it does not say why it is polled")
		}
		want := rpc.Update{Topic: rpc.TopicNamespaces, Snapshot: true, Namespaces: namespaces{
			"shop":   {Name: "shop", Sources: []rpc.Source{rpc.FromKubeconfig, rpc.FromSessions}, Polled: why},
			"before": {Name: "before", Sources: []rpc.Source{rpc.FromSessions}, Polled: why},
		}}
		if diff := cmp.Diff(want, got[0]); diff != "" {
			t.Errorf("updates (-want +got):\n%s", diff)
		}
		l.leave()
	})
}
