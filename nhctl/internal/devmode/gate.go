package devmode

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// The gate of a session is a key in the namespace's one ConfigMap of gates. It is one for all, so that the Role can
// name it, and it is no Secret: the permission to patch a Secret is the permission to read it.

// openGate lets later pods of the twin begin in the Services.
func openGate(ctx context.Context, c *kube.Client, r Record) error {
	var err error
	for range parkTries {
		if _, err = patchGate(ctx, c, r, contract.GateOpen); !apierrors.IsNotFound(err) {
			break
		}
		_, err = c.API.CoreV1().ConfigMaps(r.Namespace).Create(ctx, &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{
				Name:   contract.Gates,
				Labels: map[string]string{contract.LabelRole: contract.RoleGates},
			},
			Data: map[string]string{r.Session: contract.GateOpen},
		}, metav1.CreateOptions{})
		if !apierrors.IsAlreadyExists(err) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("open the gate in ConfigMap %s: %w", contract.Gates, c.Explain(err))
	}
	return nil
}

// closeGate keeps later pods of the twin out of the Services. The ConfigMap goes with its last key.
func closeGate(ctx context.Context, c *kube.Client, r Record) error {
	left, err := patchGate(ctx, c, r, nil)
	if err == nil && len(left.Data) == 0 && left.Labels[contract.LabelRole] == contract.RoleGates {
		err = c.API.CoreV1().ConfigMaps(r.Namespace).Delete(ctx, contract.Gates, metav1.DeleteOptions{
			Preconditions: &metav1.Preconditions{UID: &left.UID, ResourceVersion: &left.ResourceVersion}})
	}
	if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // another session opens its gate at this moment
	}
	return fmt.Errorf("close the gate in ConfigMap %s: %w", contract.Gates, c.Explain(err))
}

// patchGate sets a session's key, or removes it where value is nil, and leaves the others' alone.
func patchGate(ctx context.Context, c *kube.Client, r Record, value any) (*corev1.ConfigMap, error) {
	patch, err := json.Marshal(map[string]any{"data": map[string]any{r.Session: value}})
	if err != nil {
		return nil, err
	}
	configMaps := c.API.CoreV1().ConfigMaps(r.Namespace)
	return configMaps.Patch(ctx, contract.Gates, types.MergePatchType, patch, metav1.PatchOptions{})
}
