package devmode

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// OwnPod is Pod for what others' traffic is led to: a pod that the twin's own ReplicaSets have made. Whoever may create
// a pod in the namespace may give it a twin's labels. It is nil where there is none.
func OwnPod(ctx context.Context, c *kube.Client, r Record) (*corev1.Pod, error) {
	twin, err := c.API.AppsV1().Deployments(r.Namespace).Get(ctx, r.Twin(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) || err == nil && !owned(twin.ObjectMeta, r, contract.RoleTwin) {
		return nil, nil
	}
	if err != nil {
		return nil, c.Explain(err)
	}
	of := metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(twin.Spec.Selector)}
	sets, err := c.API.AppsV1().ReplicaSets(r.Namespace).List(ctx, of)
	if err != nil {
		return nil, c.Explain(err)
	}
	var own []types.UID
	for i := range sets.Items {
		if metav1.IsControlledBy(&sets.Items[i], twin) {
			own = append(own, sets.Items[i].UID)
		}
	}
	pods, err := c.API.CoreV1().Pods(r.Namespace).List(ctx, of)
	if err != nil {
		return nil, c.Explain(err)
	}
	var newest *corev1.Pod
	for i := range pods.Items {
		p := &pods.Items[i]
		controller := metav1.GetControllerOf(p)
		if controller == nil || !slices.Contains(own, controller.UID) || p.DeletionTimestamp != nil {
			continue
		}
		if newest == nil || newest.CreationTimestamp.Before(&p.CreationTimestamp) {
			newest = p
		}
	}
	return newest, nil
}
