package front

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
)

// meshPolicies are the kinds of policies that may let clients in by their identity.
func meshPolicies() []schema.GroupVersionResource {
	return []schema.GroupVersionResource{
		{Group: "security.istio.io", Version: "v1", Resource: "authorizationpolicies"},
		{Group: "policy.linkerd.io", Version: "v1alpha1", Resource: "authorizationpolicies"},
		{Group: "policy.linkerd.io", Version: "v1beta1", Resource: "serverauthorizations"},
	}
}

// Principals are the policies of meshes in the client's namespace, and whether each is about identities. What the
// cluster does not have, or the caller may not list, is left out: a warning is lost at most.
func Principals(ctx context.Context, c *kube.Client) map[string]bool {
	all := map[string]bool{}
	for _, resource := range meshPolicies() {
		list, err := c.Dynamic.Resource(resource).Namespace(c.Namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			continue
		}
		for _, o := range list.Items {
			all[resource.GroupResource().String()+"/"+o.GetName()] = namesPrincipals(resource.Group, o)
		}
	}
	return all
}

// namesPrincipals says whether a policy lets clients in by their identity.
func namesPrincipals(group string, o unstructured.Unstructured) bool {
	if group != "security.istio.io" {
		return true // Linkerd's are about identities, or name objects that are
	}
	rules, _, _ := unstructured.NestedSlice(o.Object, "spec", "rules")
	for _, rule := range rules {
		fields, _ := rule.(map[string]any)
		from, _, _ := unstructured.NestedSlice(fields, "from")
		for _, f := range from {
			source, _ := f.(map[string]any)
			for _, name := range []string{"principals", "notPrincipals", "namespaces", "notNamespaces"} {
				if _, found, _ := unstructured.NestedFieldNoCopy(source, "source", name); found {
					return true
				}
			}
		}
	}
	return false
}
