package front

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// raise makes the front of Service web.
func raise(t *testing.T, cluster *kubetest.Cluster) (Plan, Raised) {
	t.Helper()
	c := cluster.Client(t, "ada", ns)
	f, err := Read(t.Context(), c, "web")
	if err != nil {
		t.Fatal(err)
	}
	p := mustPlan(t, f)
	r, err := Raise(t.Context(), c, p, "sidecar:1", workload.Limits{}, []byte("token"))
	if err != nil || !r.Made {
		t.Fatalf("%+v, %v", r, err)
	}
	return p, r
}

// A front may restore its own Service and delete itself, and nothing else; all of that goes with it.
func TestGrant(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	p, r := raise(t, c)
	if r.Alone != nil {
		t.Error(r.Alone)
	}
	role := kubetest.Get[rbacv1.Role](c, ns, p.Name())
	want := []rbacv1.PolicyRule{
		{
			Verbs:         []string{"get", "patch"},
			APIGroups:     []string{""},
			Resources:     []string{"services"},
			ResourceNames: []string{"web"},
		},
		{
			Verbs:         []string{"delete"},
			APIGroups:     []string{""},
			Resources:     []string{"services"},
			ResourceNames: []string{p.Original()},
		},
		{Verbs: []string{"list"}, APIGroups: []string{"discovery.k8s.io"}, Resources: []string{"endpointslices"}},
	}
	if diff := cmp.Diff(want, role.Rules); diff != "" {
		t.Error(diff)
	}
	spec := kubetest.Get[appsv1.Deployment](c, ns, p.Name()).Spec.Template.Spec
	var config contract.Agent
	if err := json.Unmarshal([]byte(spec.Containers[0].Env[0].Value), &config); err != nil {
		t.Fatal(err)
	}
	restore := &contract.Restore{
		Namespace: "shop",
		Service:   "web",
		Originals: p.Original(),
		UID:       string(r.Owner.UID),
		After:     600,
	}
	if diff := cmp.Diff(restore, config.Restore); diff != "" {
		t.Error(diff)
	}
	if spec.ServiceAccountName != p.Name() || !*spec.AutomountServiceAccountToken {
		t.Errorf("%+v", spec)
	}
	kubetest.Delete[corev1.Service](c, ns, p.Original()) // as the front does
	left := len(kubetest.List[appsv1.Deployment](c, ns)) - 1 + len(kubetest.List[rbacv1.Role](c, ns)) +
		len(kubetest.List[rbacv1.RoleBinding](c, ns)) + len(kubetest.List[corev1.Secret](c, ns)) +
		len(kubetest.List[corev1.ServiceAccount](c, ns))
	if left != 0 {
		t.Errorf("%d objects are left", left)
	}
}

// Without the permission to make one of these, the front has none of them, and serves.
func TestNoGrant(t *testing.T) {
	t.Parallel()
	for _, resource := range []string{"serviceaccounts", "roles", "rolebindings"} {
		t.Run(resource, func(t *testing.T) {
			t.Parallel()
			c := cluster(t)
			c.Forbid("ada", "create", resource)
			p, r := raise(t, c)
			if r.Alone == nil {
				t.Error("no one says so")
			}
			spec := kubetest.Get[appsv1.Deployment](c, ns, p.Name()).Spec.Template.Spec
			if spec.ServiceAccountName != "" || *spec.AutomountServiceAccountToken {
				t.Errorf("%+v", spec)
			}
			if left := len(kubetest.List[rbacv1.Role](c, ns)) +
				len(kubetest.List[corev1.ServiceAccount](c, ns)); left != 0 {
				t.Errorf("%d objects are left", left)
			}
		})
	}
}

// Neither a front to which a Service leads goes, nor an object that only has a front's name.
func TestRemoveLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	p, _ := raise(t, c)
	client := c.Client(t, "ada", ns)
	if err := Switch(t.Context(), client, p); err != nil {
		t.Fatal(err)
	}
	forged := Plan{ID: p.ID, Namespace: ns, Service: "pay"}
	before := c.Snapshot(ns)
	for _, remove := range []func(context.Context, *kube.Client, Plan) error{Remove, Lower} {
		if err := remove(t.Context(), client, forged); problem.From(err).Code != problem.Refused {
			t.Error(err)
		}
	}
	other := Plan{ID: "22222222", Namespace: ns, Service: "web"}
	d := kubetest.Get[appsv1.Deployment](c, ns, "web").DeepCopy()
	d.Name, d.UID, d.ResourceVersion = other.Name(), "", ""
	c.Add(d)
	if err := Lower(t.Context(), client, other); err != nil {
		t.Error(err)
	}
	if kubetest.Get[appsv1.Deployment](c, ns, other.Name()) == nil {
		t.Error("a Deployment without labels is gone")
	}
	kubetest.Delete[appsv1.Deployment](c, ns, other.Name())
	if diff := cmp.Diff(before, c.Snapshot(ns)); diff != "" {
		t.Error(diff)
	}
}
