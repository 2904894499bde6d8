//go:build e2e

package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

const limitRangeManifest = `apiVersion: v1
kind: LimitRange
metadata: {name: limits}
spec:
  limits:
  - type: Container
    default: {cpu: 200m, memory: 256Mi}
    defaultRequest: {cpu: 100m, memory: 128Mi}
    max: {cpu: "1", memory: 512Mi}
    min: {cpu: 50m, memory: 64Mi}
    maxLimitRequestRatio: {cpu: "4", memory: "2"}
`

const limitedConfig = `name: it
containers:
- name: main
  dev:
    image: ghcr.io/nhctl/dev-go:v0.1.0
    resources: {requests: {cpu: 250m, memory: 256Mi}, limits: {cpu: "1", memory: 512Mi}}
`

// In a namespace with a LimitRange nhctl's own containers fit themselves to it: as a user who may read it, and as one
// who may not, so that only the server's refusal says what it asks.
func TestLimitRange(t *testing.T) {
	t.Parallel()
	for name, mayRead := range map[string]bool{"read": true, "learned from the refusal": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := shared.namespace(t)
			shared.create(t, ns, []byte(itManifest()))
			shared.deploymentReady(t, ns, "it")
			shared.create(t, ns, []byte(limitRangeManifest))
			dev := shared.developer(t, ns)
			if !mayRead {
				shared.withdraw(t, ns, dev.name, "limitranges")
			}
			src := filepath.Join(dev.home, "src", "it")
			config := filepath.Join(src, ".dev", "config.yaml")
			write(t, config, limitedConfig)
			before := shared.mustSnapshot(t, ns)
			dev.must(src, "dev", "start", "--no-terminal", "--mode", "duplicate")
			if _, err := dev.inPod(src, "true"); err != nil {
				t.Error(err)
			}
			own := func() map[string]string {
				pod, err := shared.typed.CoreV1().Pods(ns).Get(t.Context(), shared.twinPod(t, ns), metav1.GetOptions{})
				if err != nil {
					t.Fatal(err)
				}
				found := map[string]string{}
				for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
					if r := c.Resources; workload.Own(c.Name) {
						found[c.Name] = fmt.Sprint(r.Requests.Cpu(), " ", r.Requests.Memory(), " ", r.Limits.Cpu(), " ",
							r.Limits.Memory())
					}
				}
				return found
			}
			if got := fmt.Sprint(
				own()); got != "map[nhctl-plant:125m 64Mi 500m 128Mi nhctl-sidecar:125m 128Mi 500m 256Mi]" {
				t.Errorf("own containers: %s", got)
			}
			dev.must(src, "dev", "end")
			t.Run("dev.sidecarResources", func(t *testing.T) {
				write(t, config, limitedConfig+"    sidecarResources: {requests: {cpu: 100m, memory: 100Mi}, "+
					"limits: {cpu: 300m, memory: 200Mi}}\n")
				dev.must(src, "dev", "start", "--no-terminal", "--mode", "duplicate")
				if got := fmt.Sprint(
					own()); got != "map[nhctl-plant:100m 100Mi 300m 200Mi nhctl-sidecar:100m 100Mi 300m 200Mi]" {
					t.Errorf("own containers: %s", got)
				}
				dev.must(src, "dev", "end")
			})
			write(t, config, strings.Replace(limitedConfig, "memory: 512Mi", "memory: 2Gi", 1))
			if r := dev.nhctl(src, "dev", "start", "--no-terminal", "--mode", "duplicate"); r.code != 1 ||
				!strings.Contains(r.stderr, "container main: memory may be 512Mi at most, and its limit is 2Gi") ||
				!strings.Contains(r.stderr, "dev.resources") {
				t.Errorf("beyond the limits: %s", r)
			}
			shared.restored(t, ns, before)
		})
	}
}

// withdraw takes a resource out of a developer's Role.
func (c *cluster) withdraw(t *testing.T, ns, role, resource string) {
	t.Helper()
	roles := c.typed.RbacV1().Roles(ns)
	r, err := roles.Get(t.Context(), role, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r.Rules = slices.DeleteFunc(r.Rules,
		func(rule rbacv1.PolicyRule) bool { return slices.Contains(rule.Resources, resource) })
	if _, err := roles.Update(t.Context(), r, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}
