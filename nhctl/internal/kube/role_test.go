package kube_test

import (
	"slices"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
)

// Without names, the Role only creates Secrets and ConfigMaps: each other verb would read or destroy what others keep
// there. A patch answers with the whole object, and so does a deletion that waits for finalizers.
func TestRoleNamesWhatItReads(t *testing.T) {
	t.Parallel()
	var role rbacv1.Role
	if err := yaml.UnmarshalStrict([]byte(kube.Role), &role); err != nil {
		t.Fatal(err)
	}
	for _, rule := range role.Rules {
		for _, resource := range []string{"secrets", "configmaps", "*"} {
			if !slices.Contains(rule.Resources, resource) || len(rule.ResourceNames) > 0 {
				continue
			}
			if len(rule.Verbs) != 1 || rule.Verbs[0] != "create" {
				t.Errorf("%v on all %s", rule.Verbs, resource)
			}
		}
	}
}
