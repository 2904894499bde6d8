//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nhctl/nhctl/nhctl/internal/doctor"
)

// TestDoctor examines a sound namespace, and then one where several things are in the way.
func TestDoctor(t *testing.T) {
	t.Parallel()
	ns, dev, src := atShop(t)
	report := query[doctor.Report](dev, src, "doctor", "--pull")
	if next := report.Next; len(next) != 3 || next[0].Command != "nhctl dev start" {
		t.Errorf("in the folder of a config: %+v", next)
	}
	for _, f := range report.Findings {
		if f.State != doctor.OK && !strings.HasPrefix(f.Check, "inotify") {
			t.Errorf("in a sound namespace: %+v", f)
		}
	}
	dev.must(src, "dev", "start", "--mode", "duplicate", "--no-terminal")
	if next := query[doctor.Report](dev, src, "doctor").Next; len(next) != 3 || next[0].Command != "nhctl dev status" {
		t.Errorf("in dev mode: %+v", next)
	}
	dev.must(src, "dev", "end")
	if pods, err := shared.typed.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Error(err)
	} else {
		for _, p := range pods.Items {
			if strings.HasPrefix(p.Name, "nhctl-doctor-") && p.DeletionTimestamp == nil {
				t.Errorf("left behind: %s", p.Name)
			}
		}
	}

	label := `{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"restricted"}}}`
	if _, err := shared.typed.CoreV1().Namespaces().Patch(t.Context(), ns, types.MergePatchType, []byte(label),
		metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err := shared.typed.CoreV1().ResourceQuotas(ns).Create(t.Context(),
		&corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "tight"},
			Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourceRequestsMemory: resource.MustParse(
				"1Mi")}}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := shared.typed.RbacV1().Roles(ns).Delete(t.Context(), dev.name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	only := []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{
		"get", "list", "watch", "create", "delete",
	}}}
	if _, err := shared.typed.RbacV1().Roles(ns).Create(t.Context(),
		&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: dev.name}, Rules: only}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(src, ".dev", "config.yaml"),
		"name: catalog\ncontainers:\n- dev: {image: ghcr.io/nhctl/no-such-image:v1}\n")
	want := map[string]string{
		"permissions":                          "patch, watch deployments.apps",
		"pods":                                 "exceeded quota: tight",
		"pod security":                         `the namespace enforces "restricted"`,
		"image ghcr.io/nhctl/no-such-image:v1": "unknown",
	}
	eventually(t, 30*time.Second, "the doctor sees all of it", func(context.Context) error {
		r := dev.nhctl(src, "doctor")
		if r.code != 1 {
			return fmt.Errorf("want exit code 1: %s", r)
		}
		for check, text := range want {
			if !strings.Contains(r.stdout, check+": ") || !strings.Contains(r.stdout, text) {
				return fmt.Errorf("%s: no %q in: %s", check, text, r)
			}
		}
		return nil
	})
}
