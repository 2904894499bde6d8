//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/sidecar/filesync"
)

const twoContainers = `name: catalog
containers:
- name: catalog
  dev:
    image: ghcr.io/nhctl/dev-go:v0.1.0
    workDir: /home/dev/src
    command: {run: [echo catalog-$(cat name); sleep 1000]}
- name: worker
  dev:
    image: ghcr.io/nhctl/dev-python:v0.1.0
    workDir: /home/dev/job
    hotReload: true
    command:
      build: ["python3 -c 'print(1+1)' > /tmp/built"]
      run: [echo worker-$(cat name)-$(cat /tmp/built); sleep 1000]
    sync: {local: ../worker}
`

// Two containers of one pod are developed at once: each has its own image, folder and commands, under one twin, session
// and sidecar.
func TestTwoContainers(t *testing.T) {
	t.Parallel()
	ns, dev, src := atShop(t)
	worker := filepath.Join(filepath.Dir(src), "worker")
	write(t, filepath.Join(src, ".dev/config.yaml"), twoContainers)
	write(t, filepath.Join(src, "name"), "one")
	write(t, filepath.Join(worker, "name"), "two")
	dev.must(src, "config", "trust", "--yes") // a folder outside of the repository
	if r := dev.nhctl(src, "dev", "start", "--all-containers", "--mode", "duplicate", "--no-terminal"); r.code == 0 ||
		!strings.Contains(r.stderr, `no container "worker"`) {
		t.Fatalf("a pod without the second container: %s", r)
	}
	shared.patchDeployment(t, ns, "catalog", `{"spec":{"template":{"spec":{"containers":[{
		"name":"worker","image":"ghcr.io/nhctl/dev-go:v0.1.0","command":["sleep","1000"],
		"resources":{"requests":{"cpu":"20m","memory":"16Mi"},"limits":{"cpu":"1","memory":"256Mi"}},
		"securityContext":{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]}}}]}}}}`)
	shared.deploymentReady(t, ns, "catalog")
	dev.must(src, "dev", "start", "-c", "catalog", "-c", "worker", "--mode", "duplicate", "--no-terminal")
	if s := query[rpc.Session](dev, src, "dev", "status"); s.ContainerNames() != "catalog, worker" || len(s.Sync) != 2 {
		t.Errorf("status: %+v", s)
	}
	in := func(container string, argv ...string) string {
		t.Helper()
		return strings.TrimSpace(dev.must(src, append([]string{"dev", "exec", "-c", container, "--"}, argv...)...))
	}
	for container, want := range map[string]string{"catalog": "one /home/dev/src", "worker": "two /home/dev/job"} {
		if got := in(container, "sh", "-c", "echo $(cat name) $PWD"); got != want {
			t.Errorf("in %s: %q, want %q", container, got, want)
		}
		dev.must(src, "dev", "run", "-c", container)
	}
	in("worker", "python3", "--version")
	logs := func(want string, args ...string) {
		t.Helper()
		eventually(t, 30*time.Second, want+" in the logs", func(context.Context) error {
			if out := dev.must(src, append([]string{"dev", "logs"}, args...)...); !strings.Contains(out, want) {
				return fmt.Errorf("%q", out)
			}
			return nil
		})
	}
	logs("catalog-one")
	logs("worker-two-2", "-c", "worker")
	write(t, filepath.Join(worker, "name"), "three")
	logs("worker-three-2", "-c", "worker") // hot reload is the worker's alone
	if out := dev.must(src, "dev", "logs"); strings.Count(out, "catalog-one") != 1 {
		t.Errorf("the other container: %q", out)
	}
	if r := dev.nhctl(src, "dev", "run", "-c", "nobody"); r.code != 2 ||
		!strings.Contains(r.stderr, "catalog, worker") {
		t.Errorf("a container that is not in dev mode: %s", r)
	}
	// One container's folder rests, also after the daemon's end; the other one's goes on.
	dev.must(src, "dev", "sync", "pause", "-c", "worker")
	dev.must("", "daemon", "stop")
	var states []string
	for _, folder := range query[[]event.SyncData](dev, src, "dev", "sync", "status") {
		states = append(states, folder.State)
	}
	if paused := query[[]event.SyncData](dev, src, "dev", "sync", "status", "-c", "worker"); len(paused) != 1 ||
		paused[0].State != filesync.StatePaused {
		t.Errorf("the worker's folder: %+v", paused)
	}
	if len(states) != 2 || states[0] == filesync.StatePaused || states[1] != filesync.StatePaused {
		t.Errorf("the folders are %v", states)
	}
	dev.must(src, "dev", "sync", "resume")
	dev.must(src, "dev", "sync", "wait", "-c", "worker")
	dev.must(src, "dev", "stop", "-c", "worker")
	dev.must(src, "dev", "end")
}
