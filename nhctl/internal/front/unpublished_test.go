package front

import (
	"errors"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// An image that no registry has is on the node, or there is no front: that is known before the Service is touched.
func TestUnpublished(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		has, never bool
		policy     corev1.PullPolicy
		says       string
	}{
		"published":                      {policy: corev1.PullIfNotPresent, says: "can't be pulled"},
		"not published, on the node":     {has: true, never: true, policy: corev1.PullNever},
		"not published, not on the node": {never: true, policy: corev1.PullNever, says: "which no registry has either"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := clusterOf(t, kubetest.Kubelet{Fails: func(p *corev1.Pod) *corev1.PodStatus {
				if tt.has || p.Labels[contract.LabelRole] != contract.RoleFront {
					return nil
				}
				s := corev1.ContainerStatus{Name: contract.AgentContainer, Image: "sidecar:1"}
				s.State.Waiting = &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: "not found"}
				if tt.never {
					s.State.Waiting.Reason = "ErrImageNeverPull"
				}
				return &corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{s}}
			}})
			client := c.Client(t, "admin", ns)
			facts, err := Read(t.Context(), client, "web")
			if err != nil {
				t.Fatal(err)
			}
			p := mustPlan(t, facts)
			p.NeverPull = tt.never
			if _, err := Raise(t.Context(), client, p, "sidecar:1", workload.Limits{}, make([]byte, 32)); err != nil {
				t.Fatal(err)
			}
			d := kubetest.Get[appsv1.Deployment](c, ns, p.Name())
			if !slices.ContainsFunc(d.Spec.Template.Spec.Containers, func(c corev1.Container) bool {
				return c.Image == "sidecar:1" && c.ImagePullPolicy == tt.policy
			}) {
				t.Errorf("%+v", d.Spec.Template.Spec.Containers)
			}
			_, err = Pod(t.Context(), client, p)
			if said := problem.From(err); tt.says != "" && (!strings.Contains(said.Message, tt.says) ||
				!strings.Contains(said.Hint, "--sidecar-image") && tt.never) {
				t.Errorf("%s (%s)", said.Message, said.Hint)
			}
			if (err == nil) != tt.has || errors.Is(err, ErrComing) {
				t.Error(err)
			}
		})
	}
}
