package gateway

import (
	"errors"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// companion makes a tunnel that of the Deployment web, which a Service selects.
func companion(t *testing.T, cluster *kubetest.Cluster, c *kube.Client, r record.Tunnel) record.Tunnel {
	t.Helper()
	if err := lease.Release(t.Context(), c, r); err != nil {
		t.Fatal(err)
	}
	r.Workload, r.Container = workload.Ref{Kind: workload.Deployment, Name: "web"}, "app"
	if taken, err := lease.Create(t.Context(), c, r); taken || err != nil {
		t.Fatal(taken, err)
	}
	labels, none := map[string]string{"app": "web"}, int32(0)
	web := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop"}}
	web.Spec.Replicas, web.Spec.Selector = &none, &metav1.LabelSelector{MatchLabels: labels}
	web.Spec.Template.Labels = labels
	web.Spec.Template.Spec.Containers = []corev1.Container{{Name: "app", Image: "web:1"}}
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop"}}
	service.Spec.Selector = labels
	cluster.Add(web, service)
	return r
}

// A companion is made of the workload as it is, no Service selects it, and the next one is as the workload is by then.
func TestCompanion(t *testing.T) {
	t.Parallel()
	in(t, kubetest.Kubelet{}, func(t *testing.T, cluster *kubetest.Cluster, c *kube.Client, r record.Tunnel) {
		r = companion(t, cluster, c, r)
		k := &Keeper{}
		if err := await(t, k, c, r); err != nil {
			t.Fatal(err)
		}
		image := func() string {
			t.Helper()
			pods := kubetest.List[corev1.Pod](cluster, "shop")
			if len(pods) != 1 || pods[0].Labels["app"] == "web" {
				t.Fatalf("%+v", pods)
			}
			return pods[0].Spec.Containers[0].Image
		}
		if got := image(); got != "web:1" {
			t.Errorf("the image is %s", got)
		}
		kubetest.Edit(cluster, "shop", "web", func(d *appsv1.Deployment) {
			d.Spec.Template.Spec.Containers[0].Image = "web:2"
		})
		kubetest.Delete[batchv1.Job](cluster, "shop", kubetest.List[batchv1.Job](cluster, "shop")[0].Name)
		if err := await(t, k, c, r); err != nil {
			t.Fatal(err)
		}
		if got := image(); got != "web:2" {
			t.Errorf("after a rollout, the image is %s", got)
		}
		kubetest.Delete[appsv1.Deployment](cluster, "shop", "web")
		kubetest.Delete[batchv1.Job](cluster, "shop", kubetest.List[batchv1.Job](cluster, "shop")[0].Name)
		if err := await(t, k, c, r); problem.From(err).Code != problem.NotFound {
			t.Errorf("without the workload: %v", err)
		}
	})
}

// Where a companion can't be had, the error names the plain gateway.
func TestNoCompanion(t *testing.T) {
	t.Parallel()
	refuse := func(q kubetest.Request, _ *unstructured.Unstructured) error {
		if q.Resource == "pods" {
			return errors.New("violates PodSecurity")
		}
		return nil
	}
	fails := func(reason, message string, planting bool) func(*corev1.Pod) *corev1.PodStatus {
		return func(*corev1.Pod) *corev1.PodStatus {
			waiting := &corev1.ContainerStateWaiting{Reason: reason, Message: message}
			state := corev1.ContainerState{Waiting: waiting}
			s := &corev1.PodStatus{Phase: corev1.PodPending}
			if planting {
				s.InitContainerStatuses = []corev1.ContainerStatus{{Name: contract.PlantContainer, State: state}}
			} else {
				s.ContainerStatuses = []corev1.ContainerStatus{{Name: "app", State: state}}
			}
			return s
		}
	}
	for name, tt := range map[string]struct {
		kubelet kubetest.Kubelet
		admit   func(kubetest.Request, *unstructured.Unstructured) error
		code    problem.Code
		says    string
		hint    string
	}{
		"a policy": {kubetest.Kubelet{}, refuse, problem.Refused, "violates PodSecurity", plain},
		"a missing ConfigMap": {
			kubetest.Kubelet{Fails: fails("CreateContainerConfigError", `configmap "web" not found`, false)}, nil,
			problem.NotReady, `configmap "web" not found`, plain,
		},
		"no sidecar image": {
			kubetest.Kubelet{Fails: fails("ImagePullBackOff", "not found", true)}, nil,
			problem.NotReady, "can't be pulled", images,
		},
		"a pod that never comes": {
			kubetest.Kubelet{Start: 1 << 60}, nil, problem.Timeout, "is not running", plain,
		},
	} {
		in(t, tt.kubelet, func(t *testing.T, cluster *kubetest.Cluster, c *kube.Client, r record.Tunnel) {
			r = companion(t, cluster, c, r)
			if tt.admit != nil {
				cluster.Admit(tt.admit)
			}
			p := problem.From(await(t, &Keeper{}, c, r))
			if p.Code != tt.code || !strings.Contains(p.Message, tt.says) || !strings.Contains(p.Hint, tt.hint) {
				t.Errorf("%s: %s: %s (%s)", name, p.Code, p.Message, p.Hint)
			}
		})
	}
}
