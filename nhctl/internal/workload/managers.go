package workload

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// Manager is who set the field that parks a workload last, as the API server wrote it down; "" where it did not.
func Manager(object *unstructured.Unstructured, kind Kind, b Before) string {
	var last metav1.ManagedFieldsEntry
	for _, entry := range object.GetManagedFields() {
		if owns(entry, leverOf(kind, b).path) && (last.Time == nil || entry.Time != nil && last.Time.Before(entry.Time)) {
			last = entry
		}
	}
	return last.Manager
}

// owns says whether an entry of managedFields has a field.
func owns(entry metav1.ManagedFieldsEntry, path []string) bool {
	if entry.FieldsV1 == nil {
		return false
	}
	var fields map[string]any
	if json.Unmarshal(entry.FieldsV1.Raw, &fields) != nil {
		return false
	}
	for _, part := range path {
		inner, found := fields["f:"+part].(map[string]any)
		if !found {
			return false
		}
		fields = inner
	}
	return true
}

// KeepAway is what to tell the GitOps tool that keeps the field which parks a workload, so that it leaves it alone; "" where none does.
func KeepAway(ref Ref, object *unstructured.Unstructured, b Before) string {
	path := "/" + strings.ReplaceAll(strings.Join(leverOf(ref.Kind, b).path, "\n"), "/", "~1")
	path = strings.ReplaceAll(path, "\n", "/")
	gvk := object.GroupVersionKind()
	for _, entry := range object.GetManagedFields() {
		if !owns(entry, leverOf(ref.Kind, b).path) {
			continue
		}
		switch entry.Manager {
		case "argocd-controller", "argocd-application-controller":
			return fmt.Sprintf(`
Argo CD keeps %[1]s of %[2]s as its repository has it. Tell its Application to leave it alone:
  spec:
    ignoreDifferences:
    - group: %[3]q
      kind: %[4]s
      name: %[5]s
      namespace: %[6]s
      jsonPointers: [%[1]s]
    syncPolicy:
      syncOptions: [RespectIgnoreDifferences=true]`, path, ref, gvk.Group, gvk.Kind, ref.Name, object.GetNamespace())
		case "kustomize-controller":
			return fmt.Sprintf(`
Flux keeps %[1]s of %[2]s as its repository has it. Tell its Kustomization to leave it alone (or suspend it: flux suspend kustomization NAME):
  spec:
    ignore:
    - paths: [%[1]s]
      target: {kind: %[3]s, name: %[4]s, namespace: %[5]s}`, path, ref, gvk.Kind, ref.Name, object.GetNamespace())
		case "helm-controller":
			return fmt.Sprintf(`
Flux keeps %[1]s of %[2]s as its chart has it. Tell its HelmRelease to leave it alone:
  spec:
    driftDetection:
      ignore:
      - paths: [%[1]s]
        target: {kind: %[3]s, name: %[4]s, namespace: %[5]s}`, path, ref, gvk.Kind, ref.Name, object.GetNamespace())
		}
	}
	return ""
}

// Fingerprint tells pod templates from each other. A change that parks the workload does not count.
func Fingerprint(kind Kind, object *unstructured.Unstructured) string {
	path := []string{"spec", "template"}
	switch kind {
	case CronJob:
		path = []string{"spec", "jobTemplate", "spec", "template"}
	case Pod:
		return ""
	}
	template, found, _ := unstructured.NestedMap(object.Object, path...)
	if !found {
		return ""
	}
	// What parks a DaemonSet, and what `kubectl rollout restart` writes, are no change of what runs.
	selector, _, _ := unstructured.NestedMap(template, "spec", "nodeSelector")
	delete(selector, contract.LabelSession)
	if len(selector) == 0 {
		unstructured.RemoveNestedField(template, "spec", "nodeSelector")
	} else {
		_ = unstructured.SetNestedMap(template, selector, "spec", "nodeSelector")
	}
	data, err := json.Marshal(template)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:6])
}
