package workload

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// managed is a workload whose fields were set by someone, the last one last.
func managed(kind string, entries ...[2]string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apps/v1", "kind": kind,
		"metadata": map[string]any{"name": "web", "namespace": "shop"}}}
	var list []metav1.ManagedFieldsEntry
	for i, e := range entries {
		at := metav1.NewTime(time.Unix(int64(i), 0))
		list = append(list, metav1.ManagedFieldsEntry{
			Manager:   e[0],
			Operation: metav1.ManagedFieldsOperationApply,
			Time:      &at,
			FieldsV1:  &metav1.FieldsV1{Raw: []byte(e[1])},
		})
	}
	o.SetManagedFields(list)
	return o
}

func TestManagers(t *testing.T) {
	t.Parallel()
	const (
		replicas = `{"f:spec":{"f:replicas":{},"f:template":{}}}`
		template = `{"f:spec":{"f:template":{}}}`
		suspend  = `{"f:spec":{"f:suspend":{}}}`
	)
	for name, tt := range map[string]struct {
		kind    Kind
		object  *unstructured.Unstructured
		manager string
		rule    []string // all of it must be there; none means no rule
	}{
		"nobody": {Deployment, managed("Deployment"), "", nil},
		"somebody by hand": {Deployment, managed("Deployment", [2]string{"kubectl-edit", replicas}),
			"kubectl-edit", nil},
		"Argo CD, and somebody later": {Deployment, managed("Deployment", [2]string{"argocd-controller", replicas},
			[2]string{"kubectl", replicas}), "kubectl", []string{"ignoreDifferences:", `group: "apps"`,
			"kind: Deployment", "name: web", "namespace: shop", "jsonPointers: [/spec/replicas]"}},
		"Argo CD without the replicas": {Deployment, managed("Deployment", [2]string{"argocd-controller", template}),
			"", nil},
		"Flux and a CronJob": {
			CronJob, managed("CronJob", [2]string{"kustomize-controller", suspend}), "kustomize-controller",
			[]string{"ignore:", "paths: [/spec/suspend]", "{kind: CronJob, name: web, namespace: shop}"},
		},
		"Flux and a chart": {Deployment, managed("Deployment", [2]string{"helm-controller", replicas}),
			"helm-controller", []string{"driftDetection:", "/spec/replicas"}},
		"Flux and a DaemonSet": {DaemonSet, managed("DaemonSet", [2]string{"kustomize-controller",
			`{"f:spec":{"f:template":{"f:spec":{"f:nodeSelector":{"f:nhctl.dev/session":{}}}}}}`}),
			"kustomize-controller",
			[]string{"/spec/template/spec/nodeSelector/nhctl.dev~1session"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Manager(tt.object, tt.kind, Before{}); got != tt.manager {
				t.Errorf("manager %q, want %q", got, tt.manager)
			}
			rule := KeepAway(Ref{tt.kind, "web"}, tt.object, Before{})
			if len(tt.rule) == 0 && rule != "" {
				t.Errorf("a rule for nobody: %s", rule)
			}
			for _, want := range tt.rule {
				if !strings.Contains(rule, want) {
					t.Errorf("no %q in: %s", want, rule)
				}
			}
		})
	}
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	with := func(image string, selector map[string]any) *unstructured.Unstructured {
		spec := map[string]any{"containers": []any{map[string]any{"name": "c", "image": image}}}
		if selector != nil {
			spec["nodeSelector"] = selector
		}
		return &unstructured.Unstructured{
			Object: map[string]any{"spec": map[string]any{"template": map[string]any{"spec": spec}}},
		}
	}
	before := Fingerprint(DaemonSet, with("web:1", nil))
	if parked := Fingerprint(DaemonSet,
		with("web:1", map[string]any{"nhctl.dev/session": "parked"})); parked != before {
		t.Error("parking changes the fingerprint")
	}
	for name, o := range map[string]*unstructured.Unstructured{"image": with("web:2", nil),
		"selector": with("web:1", map[string]any{"disk": "ssd"})} {
		if Fingerprint(DaemonSet, o) == before {
			t.Errorf("another %s has the same fingerprint", name)
		}
	}
}
