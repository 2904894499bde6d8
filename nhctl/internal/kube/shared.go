package kube

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// SharedConfig finds what a team keeps in the cluster as the config of a workload: its annotation, else the namespace's
// ConfigMap. origin says where it was found, and is empty where there is none. A ConfigMap that the caller may not read
// is none.
func (c *Client) SharedConfig(ctx context.Context, ref workload.Ref) (origin, text string, err error) {
	object, err := c.Dynamic.Resource(ref.Kind.Resource()).Namespace(c.Namespace).Get(ctx, ref.Name,
		metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return "", "", nil // whoever needs the workload says so
	}
	if err != nil {
		return "", "", fmt.Errorf("read %s: %w", ref, c.Explain(err))
	}
	if text := object.GetAnnotations()[contract.AnnotationConfig]; text != "" {
		return fmt.Sprintf("%s (annotation %s)", ref, contract.AnnotationConfig), text, nil
	}
	shared, err := c.API.CoreV1().ConfigMaps(c.Namespace).Get(ctx, contract.SharedConfig, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return "", "", nil
	}
	if err != nil {
		return "", "", fmt.Errorf("read ConfigMap %s: %w", contract.SharedConfig, c.Explain(err))
	}
	if text = shared.Data[contract.SharedConfigKey]; text == "" {
		return "", "", nil
	}
	return fmt.Sprintf("configmap/%s (%s)", contract.SharedConfig, contract.SharedConfigKey), text, nil
}
