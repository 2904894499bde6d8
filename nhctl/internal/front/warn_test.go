package front

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
)

// A Service that someone else has a hand in is told of, with the rule that has them leave the selector alone.
func TestWarnings(t *testing.T) {
	t.Parallel()
	labelled := func(key, value string) func(*corev1.Service) {
		return func(s *corev1.Service) { s.Labels = map[string]string{key: value} }
	}
	annotated := func(key, value string) func(*corev1.Service) {
		return func(s *corev1.Service) { s.Annotations = map[string]string{key: value} }
	}
	for name, tt := range map[string]struct {
		change func(*corev1.Service)
		want   string // "" where there is none
	}{
		"no one's":           {func(*corev1.Service) {}, ""},
		"Argo, annotation":   {annotated(argoTracking, "shop:/Service:shop/web"), "jsonPointers: [/spec/selector]"},
		"Argo, label":        {labelled(argoInstance, "shop"), "Argo CD manages Service web"},
		"Flux":               {labelled(fluxName, "shop"), "suspend its Kustomization"},
		"Flux, Helm":         {labelled(fluxHelm, "shop"), "driftDetection"},
		"AWS by instance":    {annotated(awsTargets, "instance"), ""},
		"AWS by IP":          {annotated(awsTargets, "ip"), "an AWS load balancer"},
		"AWS by IP, of old":  {annotated(awsType, "nlb-ip"), "an AWS load balancer"},
		"Google":             {annotated(gkeNEG, `{"ingress": true}`), "a Google load balancer"},
		"Google, its status": {annotated(gkeNEGStatus, `{}`), "a Google load balancer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := web().Service
			tt.change(s)
			all := strings.Join(Warnings(s), "\n")
			if (all == "") != (tt.want == "") || !strings.Contains(all, tt.want) {
				t.Errorf("%q, want %q", all, tt.want)
			}
		})
	}
}

// Policies by identity are told of, where the cluster has them and the caller may list them.
func TestPrincipals(t *testing.T) {
	t.Parallel()
	kind := kubetest.Kind{
		GroupVersionKind: schema.GroupVersionKind{
			Group:   "security.istio.io",
			Version: "v1",
			Kind:    "AuthorizationPolicy",
		},
		Resource: "authorizationpolicies",
	}
	policy := func(name string, source map[string]any) *unstructured.Unstructured {
		o := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"rules": []any{
			map[string]any{"from": []any{map[string]any{"source": source}}},
		}}}}
		o.SetGroupVersionKind(kind.GroupVersionKind)
		o.SetName(name)
		o.SetNamespace(ns)
		return o
	}
	c := cluster(t)
	if text := ByPrincipal("web", Principals(t.Context(), c.Client(t, "ada", ns))); text != "" {
		t.Errorf("without a mesh: %q", text)
	}
	c.Define(kind)
	c.Add(policy("by-address", map[string]any{"ipBlocks": []any{"10.0.0.0/8"}}),
		policy("by-identity", map[string]any{"principals": []any{"cluster.local/ns/shop/sa/cart"}}))
	text := ByPrincipal("web", Principals(t.Context(), c.Client(t, "ada", ns)))
	if !strings.Contains(text, "/by-identity)") || strings.Contains(text, "by-address") {
		t.Error(text)
	}
	c.Forbid("eve", "list", "authorizationpolicies")
	if text := ByPrincipal("web", Principals(t.Context(), c.Client(t, "eve", ns))); text != "" {
		t.Errorf("who may not list them: %q", text)
	}
}
