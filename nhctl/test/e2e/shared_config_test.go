//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// TestSharedConfig starts a workload whose config only the cluster has: its annotation counts before the namespace's
// ConfigMap.
func TestSharedConfig(t *testing.T) {
	t.Parallel()
	ns, dev, src := atShop(t)
	if err := os.RemoveAll(filepath.Join(src, ".dev")); err != nil {
		t.Fatal(err)
	}
	config := func(name, variable string) string {
		return name + "containers:\n" +
			"- dev: {image: ghcr.io/nhctl/dev-go:v0.1.0, workDir: /src, env: [{name: FROM, value: " + variable + "}]}\n"
	}
	configMap, err := shared.typed.CoreV1().ConfigMaps(ns).Create(t.Context(),
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: contract.SharedConfig},
			Data: map[string]string{contract.SharedConfigKey: config("name: catalog\n", "namespace")}},
		metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if out := dev.must(src, "config", "show", "catalog", "--origin"); !strings.Contains(out, "FROM") ||
		!strings.Contains(out, "configmap/"+contract.SharedConfig) {
		t.Errorf("the ConfigMap's config: %s", out)
	}
	annotation, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"annotations": map[string]string{contract.AnnotationConfig: config("", "annotation")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := shared.typed.AppsV1().Deployments(ns).Patch(t.Context(), "catalog", types.MergePatchType, annotation,
		metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	before := shared.mustSnapshot(t, ns)
	if r := dev.nhctl(src, "dev", "start", "catalog", "--dir", src, "--mode", "duplicate", "--no-terminal"); r.code !=
		0 || !strings.Contains(r.stderr, "deployment/catalog (annotation "+contract.AnnotationConfig+")") {
		t.Fatalf("start with the annotation's config: %s", r)
	}
	if out := dev.must(src, "dev", "exec", "catalog", "--", "sh", "-c",
		"echo $FROM; pwd"); out != "annotation\n/src\n" {
		t.Errorf("in the dev container: %q", out)
	}
	dev.must(src, "dev", "end", "catalog")
	shared.restored(t, ns, before)

	// What is about the developer's computer is refused, not left out.
	configMap.Data[contract.SharedConfigKey] = "name: catalog\nlocal: {command: touch /tmp/x}\n"
	if _, err := shared.typed.CoreV1().ConfigMaps(ns).Update(t.Context(), configMap,
		metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := shared.typed.AppsV1().Deployments(ns).Patch(t.Context(), "catalog", types.MergePatchType,
		[]byte(`{"metadata":{"annotations":{"`+contract.AnnotationConfig+`":null}}}`),
		metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	if r := dev.nhctl(src, "dev", "start", "catalog", "--dir", src, "--no-terminal"); r.code != 2 ||
		!strings.Contains(r.stderr, "configmap/nhctl-config (config.yaml):2:1: local: a config from the cluster") {
		t.Errorf("a shared config with a local command: %s", r)
	}
}
