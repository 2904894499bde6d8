package devmode

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// A pod is a twin's own where the twin's ReplicaSet has made it, whatever others have the twin's labels.
func TestOwnPod(t *testing.T) {
	t.Parallel()
	r := Record{
		Session:   "0a1b2c3d",
		Namespace: "shop",
		Workload:  workload.Ref{Kind: workload.Deployment, Name: "web"},
		Mode:      record.Duplicate,
	}
	labels := map[string]string{contract.LabelSession: r.Session, contract.LabelRole: contract.RoleTwin}
	one := int32(1)
	twin := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: r.Twin(), Namespace: "shop", Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: &one,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "dev:1"}}},
			},
		},
	}
	forged := func(name string, owners ...metav1.OwnerReference) *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				Name:              name,
				Namespace:         "shop",
				Labels:            labels,
				OwnerReferences:   owners,
				CreationTimestamp: metav1.NewTime(time.Now().Add(time.Hour)),
			},
			Spec: twin.Spec.Template.Spec,
		}
	}
	isController := true
	find := func(cluster *kubetest.Cluster) *corev1.Pod {
		t.Helper()
		pod, err := OwnPod(t.Context(), cluster.Client(t, "ada", "shop"), r)
		if err != nil {
			t.Fatal(err)
		}
		return pod
	}
	cluster := kubetest.New([]string{"shop"}, kubetest.Workloads())
	if pod := find(cluster); pod != nil {
		t.Errorf("without a twin: %s", pod.Name)
	}
	cluster.Add(forged("alone"), forged("by-name", metav1.OwnerReference{
		APIVersion: "apps/v1",
		Kind:       "ReplicaSet",
		Name:       r.Twin() + "-1",
		UID:        "1",
		Controller: &isController,
	}))
	if pod := find(cluster); pod != nil {
		t.Errorf("without a twin, with pods like its: %s", pod.Name)
	}
	cluster.Add(twin)
	pod := find(cluster)
	if pod == nil || pod.Name == "alone" || pod.Name == "by-name" {
		t.Fatalf("%+v", pod)
	}
	kubetest.Edit(cluster, "shop", r.Twin(), func(d *appsv1.Deployment) { d.Labels = nil })
	if pod := find(cluster); pod != nil {
		t.Errorf("of a Deployment that only has its name: %s", pod.Name)
	}
}
