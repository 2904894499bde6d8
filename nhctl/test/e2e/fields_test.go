//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// fieldsConfig sets what TestConfigFields looks at. The env file, the profile and the overlays are next to it.
const fieldsConfig = `configProperties:
  envFile: names.env
services:
- name: ${SERVICE}
  serviceType: Deployment
  containers:
  - name: catalog
    install:
      env:
      - {name: INSTALLED, value: "yes"}
      portForward: [":8080"]
    dev:
      image: ghcr.io/nhctl/dev-node:v0.1.0
      workDir: /somewhere/else
      resources:
        requests: {cpu: 11m, memory: 65Mi}
        limits: {cpu: "1", memory: 300Mi}
      env:
      - {name: BOTH, value: dev}
      - {name: CURRENCY, value: CHF}
      envFrom:
        envFile:
        - path: first.env
        - path: second.env
      portForward: [":8080"]
      command:
        run: [echo, ran in, $$PWD, with, $BEFORE]
  profiles:
    go:
      containers:
      - dev: {image: ghcr.io/nhctl/dev-go:v0.1.0}
`

// Fields of the config, one by one, in a dev container: each subtest is named after the field that it shows.
func TestConfigFields(t *testing.T) {
	t.Parallel()
	ns := shop(t)
	dev := shared.developer(t, ns)
	src := filepath.Join(dev.home, "src", "fields")
	for name, text := range map[string]string{
		".dev/config.yaml": fieldsConfig, ".dev/names.env": "SERVICE=catalog\nBEFORE='the config'\n",
		".dev/first.env": "ONE=1\nTWO=first\nBOTH=file\n", ".dev/second.env": "TWO=2\n",
		".dev/defaults.yaml": "containers:\n" +
			"- dev: {env: [{name: LAYER, value: default}, {name: CURRENCY, value: USD}]}\n",
		".dev/local.yaml": "containers:\n- dev: {env: [{name: LAYER, value: mine}]}\n",
		"main.go":         "package main\n\nfunc main() {}\n", "go.mod": "module fields\n",
	} {
		write(t, filepath.Join(src, name), text)
	}
	if out := dev.must(src, "config", "validate"); !strings.Contains(out, "is valid: deployment/catalog") {
		t.Errorf("config validate: %s", out)
	}
	dev.must(src, "dev", "start", "--mode", "duplicate", "--no-terminal", "--profile", "go")
	defer dev.must(src, "dev", "end")
	session := query[rpc.Session](dev, src, "dev", "status", "deploy/catalog")
	pod := shared.deployment(t, ns, session.Twin).Spec.Template.Spec
	env := func(t *testing.T, name, want string) {
		t.Helper()
		if got, err := dev.inPod(src, "printenv", name); err != nil || strings.TrimSpace(got) != want {
			t.Errorf("%s is %q in the container, want %q (%v)", name, strings.TrimSpace(got), want, err)
		}
	}
	t.Run("name", func(t *testing.T) {
		if session.Workload != "deployment/catalog" {
			t.Errorf("dev mode took %s", session.Workload)
		}
	})
	t.Run("containers.name", func(t *testing.T) {
		if session.Container != "catalog" {
			t.Errorf("dev mode took container %s", session.Container)
		}
	})
	t.Run("profiles", func(t *testing.T) { // the profile's image has Go, the config's has not
		if _, err := dev.inPod(src, "go", "version"); err != nil {
			t.Error(err)
		}
	})
	t.Run("dev.image", func(t *testing.T) {
		if got := pod.Containers[0].Image; got != "ghcr.io/nhctl/dev-go:v0.1.0" || session.Image != got {
			t.Errorf("the dev container has image %s", got)
		}
	})
	t.Run("dev.workDir", func(t *testing.T) {
		eventually(t, 20*time.Second, "the sources are in workDir", func(context.Context) error {
			got, err := dev.inPod(src, "sh", "-c", "pwd; ls /somewhere/else")
			if err == nil && got != "/somewhere/else\ngo.mod\nmain.go\n" {
				err = errors.New(got)
			}
			return err
		})
	})
	t.Run("dev.env", func(t *testing.T) { env(t, "CURRENCY", "CHF"); env(t, "BOTH", "dev"); env(t, "LAYER", "mine") })
	t.Run("dev.envFrom.envFile.path", func(t *testing.T) { env(t, "ONE", "1"); env(t, "TWO", "2") })
	t.Run("dev.resources", func(t *testing.T) {
		got := pod.Containers[0].Resources
		text := fmt.Sprint(got.Requests.Cpu(), " ", got.Requests.Memory(), " ", got.Limits.Cpu(), " ",
			got.Limits.Memory())
		if text != "11m 65Mi 1 300Mi" {
			t.Errorf("resources %s", text)
		}
		limit, err := dev.inPod(src, "sh", "-c",
			"cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes")
		if err != nil || strings.TrimSpace(limit) != fmt.Sprint(300<<20) {
			t.Errorf("the container's limit is %q, %v", limit, err)
		}
	})
	forwarded := func(t *testing.T, remote int) {
		t.Helper()
		for _, f := range session.Forwards {
			if f.Remote == remote {
				conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", f.Local), 5*time.Second)
				if err != nil {
					t.Fatal(err)
				}
				conn.Close()
				return
			}
		}
		t.Errorf("port %d is not forwarded: %+v", remote, session.Forwards)
	}
	t.Run("dev.portForward", func(t *testing.T) { forwarded(t, 8080) })
	t.Run("configProperties.envFile", func(t *testing.T) { // names the service, and a word of the command
		dev.must(src, "dev", "run", "deploy/catalog")
		eventually(t, 20*time.Second, "the command's output", func(context.Context) error {
			out := dev.must(src, "dev", "logs", "deploy/catalog")
			if !strings.Contains(out, "ran in /somewhere/else with the config") {
				return errors.New(out)
			}
			return nil
		})
	})
}

// A config's own sidecar image is used instead of the build's: here one that does not exist, which is then named.
func TestConfigSidecarImage(t *testing.T) {
	t.Parallel()
	ns, dev, src := atShop(t)
	before := shared.mustSnapshot(t, ns)
	t.Run("dev.sidecarImage", func(t *testing.T) {
		edit(t, filepath.Join(src, ".dev", "config.yaml"), "    shell: bash\n",
			"    shell: bash\n    sidecarImage: localhost/no-such-sidecar:1\n")
		r := dev.nhctl(src, "dev", "start", "--no-terminal", "--inject", "image", "--timeout", "1m")
		if r.code != 1 || !strings.Contains(r.stderr, "localhost/no-such-sidecar:1") {
			t.Errorf("%s", r)
		}
	})
	shared.restored(t, ns, before)
}

// What a folder and a cluster say is enough for a config that starts.
func TestConfigInitStarts(t *testing.T) {
	t.Parallel()
	ns := shop(t)
	dev := shared.developer(t, ns)
	src := filepath.Join(dev.home, "src", "catalog")
	write(t, filepath.Join(src, "go.mod"), "module example.com/catalog\n")
	write(t, filepath.Join(src, "main.go"), "package main\n\nfunc main() { println(\"written by init\") }\n")
	if out := dev.must(src, "config", "init", "--yes"); !strings.Contains(out, "describes deployment/catalog (go)") {
		t.Errorf("config init: %s", out)
	}
	config := read(t, filepath.Join(src, ".dev", "config.yaml"))
	// both from the cluster
	if !strings.Contains(config, "- name: catalog\n") || !strings.Contains(config, "- :8080\n") {
		t.Errorf("the config:\n%s", config)
	}
	edit(t, filepath.Join(src, ".dev", "config.yaml"), "    # resources:\n    #   limits: {cpu: \"2\", memory: 2Gi}\n",
		"    resources: {limits: {cpu: \"2\", memory: 1Gi}}\n")
	dev.must(src, "dev", "start", "--mode", "duplicate", "--no-terminal")
	dev.must(src, "dev", "run")
	eventually(t, time.Minute, "the program's output", func(context.Context) error {
		if out := dev.must(src, "dev", "logs"); !strings.Contains(out, "written by init") {
			return errors.New(out)
		}
		return nil
	})
	dev.must(src, "dev", "end")
	// A container that the workload does not have is found with the cluster's help alone.
	edit(t, filepath.Join(src, ".dev", "config.yaml"), "- name: catalog", "- name: catalogue")
	r := dev.nhctl(src, "config", "validate")
	if r.code != 2 || !strings.Contains(r.stdout,
		`the workload has no container "catalogue"; did you mean "catalog"?; it has: catalog`) {
		t.Errorf("config validate: %s", r)
	}
	if r := dev.nhctl(src, "config", "validate", "--offline"); r.code != 0 {
		t.Errorf("config validate --offline: %s", r)
	}
}

// Files that the dev image has in workDir are there at the start; the developer's own of the same name win.
func TestConfigSeed(t *testing.T) {
	t.Parallel()
	_, dev, src := atShop(t)
	config := filepath.Join(src, ".dev", "config.yaml")
	edit(t, config, "workDir: /home/dev/src", "workDir: /usr/share/git-core/templates")
	edit(t, config, "    shell: bash\n", "    shell: bash\n    seed: true\n")
	edit(t, config, "type: sendReceive", "type: send")
	write(t, filepath.Join(src, "description"), "mine\n")
	t.Run("dev.seed", func(t *testing.T) {
		dev.must(src, "dev", "start", "--mode", "duplicate", "--no-terminal")
		got, err := dev.inPod(src, "sh", "-c",
			"cat description; ls main.go; test -x hooks/pre-commit.sample && echo seeded; find . -name '*conflict*'")
		if err != nil || got != "mine\nmain.go\nseeded\n" {
			t.Errorf("in the container: %q, %v", got, err)
		}
		if _, err := os.Stat(filepath.Join(src, "hooks")); err == nil {
			t.Error("what was seeded came home, though the config only sends")
		}
		dev.must(src, "dev", "end")
	})
}
