//go:build e2e

package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// Pods of every shape work in both modes as they did: what the original's container sees, the dev container sees.
func TestPodShapes(t *testing.T) {
	t.Parallel()
	container := func(name, more string) string {
		return "\n      - name: " + name + "\n        image: ghcr.io/nhctl/dev-go:v0.1.0\n        imagePullPolicy: IfNotPresent\n        resources: {requests: {cpu: 5m, memory: 8Mi}, limits: {cpu: \"1\", memory: 128Mi}}\n" +
			"        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}\n" + more
	}
	const first, last = "\n      terminationGracePeriodSeconds", "capabilities: {drop: [ALL]}}"
	for name, tt := range map[string]struct {
		// from is replaced by to in the workload's manifest; behind comes after its container.
		from, to, behind string
		// script must succeed in the dev container.
		script string
	}{
		"several containers": {behind: container("second", "        command: [sleep, \"100000\"]"), script: "true"},
		"sidecar of a mesh":  {from: first, to: "\n      initContainers:" + container("mesh", "        restartPolicy: Always\n        command: [sleep, \"100000\"]") + first, script: "true"},
		"projected tokens": {from: last, to: last + "\n        volumeMounts: [{name: token, mountPath: /token}]", script: "test -s /token/bank",
			behind: "\n      volumes: [{name: token, projected: {sources: [{serviceAccountToken: {audience: bank, path: bank}}]}}]"},
		"read-only root": {from: "allowPrivilegeEscalation", to: "readOnlyRootFilesystem: true, allowPrivilegeEscalation", script: "! touch /tmp/x && touch x"},
	} {
		for _, mode := range []rpc.Mode{rpc.Replace, rpc.Duplicate} {
			t.Run(name+"/"+string(mode), func(t *testing.T) {
				t.Parallel()
				ns := shared.namespace(t)
				manifest := kindManifests()["deployment"]
				if tt.from != "" {
					manifest = strings.Replace(manifest, tt.from, tt.to, 1)
				}
				shared.create(t, ns, []byte(manifest+tt.behind))
				shared.settled(t, ns, 1)
				dev := shared.developer(t, ns)
				src := dev.smallSources()
				edit(t, filepath.Join(src, ".dev", "config.yaml"), "- dev:", "- name: main\n  dev:")
				before := shared.mustSnapshot(t, ns)
				dev.must(src, "dev", "start", "--no-terminal", "--mode", string(mode))
				if out, err := dev.inPod(src, "sh", "-c", tt.script); err != nil {
					t.Errorf("%s: %s %v", tt.script, out, err)
				}
				dev.must(src, "dev", "end")
				shared.restored(t, ns, before)
			})
		}
	}
}
