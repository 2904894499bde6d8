package devmode

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// edit is what someone does to the original of a stage.
func edit[T any](change func(*T)) func(*stage) {
	return func(s *stage) { kubetest.Edit(s.Cluster, "shop", "web", change) }
}

// What others do to a parked original is told apart, and the end leaves it as they want it.
func TestDrift(t *testing.T) {
	t.Parallel()
	three := int32(3)
	argo := metav1.ManagedFieldsEntry{
		Manager:   "argocd-controller",
		Operation: metav1.ManagedFieldsOperationApply,
		FieldsV1:  &metav1.FieldsV1{Raw: []byte(`{"f:spec":{"f:replicas":{}}}`)},
	}
	again := func(s *stage) {
		kubetest.Delete[appsv1.Deployment](s.Cluster, "shop", "web")
		s.add(kinds()["deployment"])
	}
	for name, tt := range map[string]struct {
		kind string
		do   func(*stage)
		// said and hint are parts of what the change says; ends is a part of what the end says.
		said, hint, ends string
		freed, lost      bool
		left             func(*stage) any
		want             any
	}{
		"nothing": {kind: "deployment", do: func(*stage) {}},
		"a new template": {
			kind: "deployment",
			do:   edit(func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Image = "web:2" }),
			said: "someone changed the pod template of deployment/web",
			left: func(s *stage) any {
				return kubetest.Get[appsv1.Deployment](s.Cluster, "shop", "web").Spec.Template.Spec.Containers[0].Image
			},
			want: "web:2",
		},
		"scaled": {
			kind: "deployment",
			do: edit(func(d *appsv1.Deployment) {
				d.Spec.Replicas, d.ManagedFields = &three, []metav1.ManagedFieldsEntry{argo}
			}),
			said:  "someone scaled deployment/web to 3 (with argocd-controller) while it was parked",
			hint:  "ignoreDifferences",
			ends:  "it stays so",
			freed: true,
			left: func(s *stage) any {
				return *kubetest.Get[appsv1.Deployment](s.Cluster, "shop", "web").Spec.Replicas
			},
			want: three,
		},
		"deleted": {
			kind: "deployment",
			do:   func(s *stage) { kubetest.Delete[appsv1.Deployment](s.Cluster, "shop", "web") },
			said: "deployment/web was deleted",
			ends: "there is nothing to restore",
			lost: true,
		},
		"another of its name": {
			kind: "deployment",
			do:   again,
			said: "deployment/web was deleted",
			lost: true,
			left: func(s *stage) any {
				return *kubetest.Get[appsv1.Deployment](s.Cluster, "shop", "web").Spec.Replicas
			},
			want: int32(2),
		},
		"a DaemonSet's nodes": {
			kind:  "daemonset",
			do:    edit(func(d *appsv1.DaemonSet) { d.Spec.Template.Spec.NodeSelector = nil }),
			said:  "its nodes again",
			ends:  "it stays so",
			freed: true,
		},
		"a CronJob resumed": {
			kind:  "cronjob",
			do:    edit(func(c *batchv1.CronJob) { *c.Spec.Suspend = false }),
			said:  "someone resumed cronjob/web",
			ends:  "it stays so",
			freed: true,
		},
		"a pod made again": {
			kind:  "pod",
			do:    func(s *stage) { s.add(kinds()["pod"]) },
			said:  "pod/web",
			ends:  "it stays so",
			freed: true,
		},
		"a custom resource scaled": {
			kind: rollout,
			do: func(s *stage) {
				o := s.Unstructured(kubetest.Rollout(), "shop", "web")
				o.Object["spec"].(map[string]any)["replicas"] = int64(3)
				s.Replace(kubetest.Rollout(), o)
			},
			said:  "someone scaled " + rollout + "/web to 3",
			ends:  "it stays so",
			freed: true,
		},
		"a custom resource deleted": {
			kind: rollout,
			do:   func(s *stage) { s.Remove(kubetest.Rollout(), "shop", "web") },
			said: rollout + "/web was deleted",
			ends: "there is nothing to restore",
			lost: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, tt.kind)
				ada := s.computer("ada", "laptop")
				r := ada.mustEnter(ada.spec(record.Replace))
				time.Sleep(2 * time.Second) // the original's pods end
				ctx, cancel := context.WithCancel(t.Context())
				seen, over := make(chan struct{}, 10), make(chan struct{})
				go func() {
					defer close(over)
					Watch(ctx, ada.deps.Cluster, r, func() { seen <- struct{}{} })
				}()
				synctest.Wait()
				for len(seen) > 0 {
					<-seen // it is there from the start
				}
				tt.do(s)
				if tt.said != "" {
					<-seen
				}
				change, err := Drift(t.Context(), ada.deps.Cluster, r)
				if err != nil || !strings.Contains(change.Text, tt.said) || tt.said == "" && change.Text != "" ||
					change.Freed != tt.freed || change.Lost != tt.lost || !strings.Contains(change.Hint, tt.hint) {
					t.Errorf("%+v, %v", change, err)
				}
				if err := ada.leave(r); err != nil {
					t.Error(err)
				}
				cancel()
				<-over
				if tt.ends != "" && !ada.heard(tt.ends) {
					t.Errorf("the end says %q, want %q", ada.notices, tt.ends)
				}
				if tt.left != nil && tt.left(s) != tt.want {
					t.Errorf("%v is left, want %v", tt.left(s), tt.want)
				}
				if twins, _ := s.pods(); twins > 0 {
					t.Errorf("%d pods of the twin are left", twins)
				}
			})
		})
	}
}

// A twin that steps aside gets no traffic any more, nor does a pod of it that comes later.
func TestStepAside(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "deployment")
		ada := s.computer("ada", "laptop")
		r := ada.mustEnter(ada.spec(record.Replace))
		gates := kubetest.Get[corev1.ConfigMap](s.Cluster, "shop", contract.Gates)
		if gates == nil || gates.Data[r.Session] != contract.GateOpen {
			t.Errorf("%+v", gates)
		}
		if err := StepAside(t.Context(), ada.deps, r); err != nil {
			t.Fatal(err)
		}
		gates = kubetest.Get[corev1.ConfigMap](s.Cluster, "shop", contract.Gates)
		if gates != nil || s.gate(r.Session) {
			t.Errorf("%+v", gates)
		}
	})
}

// An original whose own pods don't come up is reported, and does not hold the end up for long.
func TestOriginalThatDoesNotComeBack(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status corev1.PodStatus
		said   string
		within time.Duration
	}{
		"its image is gone": {
			status: corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{
				Name:  "app",
				Image: "web:1",
				State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff"}},
			}}},
			said:   "its own pods don't come up: the image web:1 can't be pulled",
			within: 10 * time.Second,
		},
		"it waits": {corev1.PodStatus{Phase: corev1.PodPending}, "are not ready after 1m0s", 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, "deployment")
				ada := s.computer("ada", "laptop")
				r := ada.mustEnter(ada.spec(record.Replace))
				s.mu.Lock()
				s.originalFails = &tt.status
				s.mu.Unlock()
				begin := time.Now()
				if err := ada.leave(r); err != nil {
					t.Fatal(err)
				}
				if !ada.heard(tt.said) || time.Since(begin) > tt.within {
					t.Errorf("after %s: %q", time.Since(begin), ada.notices)
				}
			})
		})
	}
}
