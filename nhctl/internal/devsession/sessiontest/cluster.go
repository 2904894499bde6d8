// Package sessiontest has whole sessions of every kind in one process, for unit tests: clusters in memory (kubetest)
// whose twins' pods are real endpoints and supervisors in temporary folders, whose gateways are real agents, and
// computers with real daemons.
// Everything between a call to the daemon and a file in the pod is what users have, except for Kubernetes and
// containers. It needs neither root nor a network beyond loopback.
//
// A package whose tests use it begins them with Main, which also serves the supervisors' processes.
package sessiontest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
)

// Namespace is the one that a cluster has.
const Namespace = "shop"

// Cluster is a cluster in memory with the Deployment web, whose twins' pods run in this process.
type Cluster struct {
	*kubetest.Cluster
	t    testing.TB
	node *node
	role rbacv1.Role
}

// New returns a cluster. It ends with the test.
func New(t testing.TB) *Cluster {
	t.Helper()
	n := newNode(t)
	kubelet := kubetest.Kubelet{Ready: n.ready, Fails: n.failing}
	controllers := []kubetest.Controller{kubetest.Workloads(), kubetest.Binder(), kubelet.Controller(),
		kubetest.Endpoints()}
	c := &Cluster{Cluster: kubetest.New([]string{Namespace}, controllers...), t: t, node: n}
	if err := yaml.Unmarshal([]byte(kube.Role), &c.role); err != nil {
		t.Fatal(err)
	}
	c.Dial, c.Exec = n.dial, n.exec
	labels, two := map[string]string{"app": "web"}, int32(2)
	web := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: Namespace}}
	web.Spec.Replicas, web.Spec.Selector = &two, &metav1.LabelSelector{MatchLabels: labels}
	web.Spec.Template.Labels = labels
	web.Spec.Template.Spec.Containers = []corev1.Container{{Name: "app", Image: "web:1"}}
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: Namespace}}
	service.Spec.Selector = labels
	c.Add(web, service)
	n.begin(c.Cluster)
	return c
}

// Fail has pods have a status in the place of running; nil means that they run.
func (c *Cluster) Fail(status func(*corev1.Pod) *corev1.PodStatus) { c.node.fails.Store(&status) }

// Web is the Deployment that is developed.
func (c *Cluster) Web() *appsv1.Deployment {
	return kubetest.Get[appsv1.Deployment](c.Cluster, Namespace, "web")
}

// Restored checks that the namespace is as it was.
func (c *Cluster) Restored(before map[string]any) {
	c.t.Helper()
	if diff := cmp.Diff(before, c.Snapshot(Namespace)); diff != "" {
		c.t.Errorf("the namespace differs (-before +after):\n%s", diff)
	}
}

// temporary is a directory with a short path, as sockets need it, until the test ends.
func temporary(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "nhctl-")
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
