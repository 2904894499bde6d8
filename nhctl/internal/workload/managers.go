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
	manager, _ := FreedBy(object, kind, b)
	return manager
}

// FreedBy is Manager, and when that was; nil where it is not known.
func FreedBy(object *unstructured.Unstructured, kind Kind, b Before) (manager string, at *metav1.Time) {
	return lastOf(object, leverOf(kind, b).path)
}

// ChangedBy is who set something of a workload's pod template last, and when.
func ChangedBy(object *unstructured.Unstructured, kind Kind) (manager string, at *metav1.Time) {
	return lastOf(object, templateOf(kind))
}

// lastOf is who set a field last, and when.
func lastOf(object *unstructured.Unstructured, path []string) (manager string, at *metav1.Time) {
	var last metav1.ManagedFieldsEntry
	for _, entry := range object.GetManagedFields() {
		if owns(entry, path) && (last.Time == nil || entry.Time != nil && last.Time.Before(entry.Time)) {
			last = entry
		}
	}
	return last.Manager, last.Time
}

// templateOf is where a kind has its pod template.
func templateOf(kind Kind) []string {
	if kind == CronJob {
		return []string{"spec", "jobTemplate", "spec", "template"}
	}
	return []string{"spec", "template"}
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

// KeepAway is what to tell the GitOps tool that keeps the field which parks a workload, so that it leaves it alone; ""
// where none does.
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
Flux keeps %[1]s of %[2]s as its repository has it. Tell its Kustomization to leave it alone
(or suspend it: flux suspend kustomization NAME):
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
	if kind == Pod {
		return ""
	}
	path := templateOf(kind)
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
