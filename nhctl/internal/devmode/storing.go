package devmode

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// storing parks pods that nothing would make again: their manifests are kept in one Secret of the namespace, by name,
// until they come back. It is one Secret for all, so that the Role can name it; it has no owner, since it must not be
// lost.
type storing struct{ *kube.Client }

// ask asks nothing: a pod is parked by deleting it, and policies are about what pods and workloads are to be.
func (s storing) ask(context.Context, Record, *unstructured.Unstructured) error { return nil }

func (s storing) park(ctx context.Context, r Record) error {
	pods := s.Dynamic.Resource(workload.Pod.Resource()).Namespace(r.Namespace) // with all fields
	pod, err := pods.Get(ctx, r.Workload.Name, metav1.GetOptions{})
	if err != nil {
		return s.Explain(err)
	}
	manifest, err := json.Marshal(workload.Manifest(pod))
	if err != nil {
		return err
	}
	if err := s.storeManifest(ctx, r, manifest); err != nil {
		return fmt.Errorf("keep the manifest of %s: %w", r.Workload, s.Explain(err))
	}
	version := pod.GetResourceVersion()
	err = pods.Delete(ctx, r.Workload.Name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &r.UID, ResourceVersion: &version},
	})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return s.Explain(err)
}

func (s storing) storeManifest(ctx context.Context, r Record, manifest []byte) error {
	secrets := s.API.CoreV1().Secrets(r.Namespace)
	patch, err := json.Marshal(map[string]any{"data": map[string][]byte{r.Workload.Name: manifest}})
	if err != nil {
		return err
	}
	for range parkTries {
		_, err = secrets.Patch(ctx, contract.ParkedPods, types.MergePatchType, patch, metav1.PatchOptions{})
		if !apierrors.IsNotFound(err) {
			return err
		}
		_, err = secrets.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Name:   contract.ParkedPods,
				Labels: map[string]string{contract.LabelRole: contract.RoleParked},
			},
			Data: map[string][]byte{r.Workload.Name: manifest},
		}, metav1.CreateOptions{})
		if !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	return err
}

// kept is the Secret, without data where there is none.
func (s storing) kept(ctx context.Context, r Record) (*corev1.Secret, error) {
	secret, err := s.API.CoreV1().Secrets(r.Namespace).Get(ctx, contract.ParkedPods, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return &corev1.Secret{}, nil
	}
	return secret, s.Explain(err)
}

func (s storing) unpark(ctx context.Context, r Record) (string, error) {
	secret, err := s.kept(ctx, r)
	if err != nil {
		return "", err
	}
	manifest := secret.Data[r.Workload.Name]
	if manifest == nil { // it was never parked, or is back, and an end was cut short
		return "", s.tidy(ctx, secret)
	}
	pod, err := parkedPod(manifest, s.Namespace, r.Workload.Name)
	if err != nil {
		return "", err
	}
	said := ""
	pods := s.Dynamic.Resource(workload.Pod.Resource()).Namespace(r.Namespace)
	err = poll(ctx, func(ctx context.Context) (bool, error) {
		present, err := pods.Get(ctx, pod.GetName(), metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			_, err = pods.Create(ctx, pod, metav1.CreateOptions{})
			if apierrors.IsAlreadyExists(err) {
				return false, nil // someone was quicker: whose it is shows the next look
			}
			return err == nil, s.Explain(err)
		case err != nil:
			return false, s.Explain(err)
		case present.GetDeletionTimestamp() != nil:
			return false, nil // it is on its way out
		case present.GetUID() != r.UID && r.UID != "":
			said = fmt.Sprintf("someone created %s again in the meantime: it stays so", r.Workload)
		}
		return true, nil
	})
	if err != nil {
		return "", err
	}
	return said, s.forget(ctx, r, manifest)
}

// parkedPod reads a manifest, which is of the Pod that it is kept under: whoever may write the Secret may have written
// it.
func parkedPod(manifest []byte, namespace, name string) (*unstructured.Unstructured, error) {
	var pod unstructured.Unstructured
	if err := utiljson.Unmarshal(manifest, &pod.Object); err != nil { // whole numbers stay so
		return nil, fmt.Errorf("read the manifest of pod/%s: %w", name, err)
	}
	if pod.GetKind() != "Pod" || pod.GetAPIVersion() != "v1" || pod.GetName() != name ||
		pod.GetNamespace() != namespace || pod.GetUID() != "" || pod.GetResourceVersion() != "" {
		return nil, problem.New(problem.Unreadable,
			"the Secret %s has the manifest of %s %s/%s (%s) in the place of pod %s/%s", contract.ParkedPods,
			pod.GetKind(), pod.GetNamespace(), pod.GetName(), pod.GetAPIVersion(), namespace, name).
			WithHint("it is not created; whoever wrote it knows more. "+
				"Without it the session ends: kubectl edit secret %s -n %s", contract.ParkedPods, namespace)
	}
	return &pod, nil
}

// forget drops the manifest that was restored, and the Secret with the last one. Another manifest that came to its
// place stays.
func (s storing) forget(ctx context.Context, r Record, manifest []byte) error {
	role := "/metadata/labels/" + strings.ReplaceAll(contract.LabelRole, "/", "~1")
	patch, err := json.Marshal([]map[string]any{
		{"op": "test", "path": role, "value": contract.RoleParked},
		{"op": "test", "path": "/data/" + r.Workload.Name, "value": manifest},
		{"op": "remove", "path": "/data/" + r.Workload.Name},
	})
	if err != nil {
		return err
	}
	secrets := s.API.CoreV1().Secrets(s.Namespace)
	left, err := secrets.Patch(ctx, contract.ParkedPods, types.JSONPatchType, patch, metav1.PatchOptions{})
	if apierrors.IsInvalid(err) || apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return s.Explain(err)
	}
	return s.tidy(ctx, left)
}

// tidy deletes the Secret when it keeps nothing any more.
func (s storing) tidy(ctx context.Context, secret *corev1.Secret) error {
	if len(secret.Data) > 0 || secret.Name == "" || secret.Labels[contract.LabelRole] != contract.RoleParked {
		return nil
	}
	err := s.API.CoreV1().Secrets(secret.Namespace).Delete(ctx, secret.Name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &secret.UID, ResourceVersion: &secret.ResourceVersion},
	})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // someone parks another pod at this moment
	}
	return s.Explain(err)
}

func (s storing) gone(ctx context.Context, r Record, wholly bool) (bool, error) {
	pod, err := s.API.CoreV1().Pods(r.Namespace).Get(ctx, r.Workload.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	return err == nil && !present(pod, wholly), s.Explain(err)
}

func (s storing) restored(ctx context.Context, r Record) (bool, error) {
	pod, err := s.API.CoreV1().Pods(r.Namespace).Get(ctx, r.Workload.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	return err == nil && workload.Ready(pod), s.Explain(err)
}

func (s storing) drift(ctx context.Context, r Record) (Change, error) {
	pod, err := s.API.CoreV1().Pods(r.Namespace).Get(ctx, r.Workload.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return Change{}, nil
	case err != nil:
		return Change{}, s.Explain(err)
	case pod.DeletionTimestamp != nil:
		return Change{}, nil // it was parked, and takes its time to end
	}
	return Change{Text: fmt.Sprintf("someone created %s again while it was parked", r.Workload), Freed: true}, nil
}
