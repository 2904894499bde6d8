//go:build e2e

package e2e

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// itManifest is a Deployment with one container, main.
func itManifest() string {
	return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: it}\nspec:\n" +
		"  selector: {matchLabels: {app: it}}\n  template:\n" +
		"    metadata: {labels: {app: it}}\n    spec:\n      " + podSpec(6, "") + "\n"
}

// Configs as Nocalhost's editor and its users write them start dev mode without an edit.
func TestNocalhostConfigs(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		config string
		said   string // by dev start
		look   func(t *testing.T, dev *developer, src string, s rpc.Session)
	}{
		"empty texts": {
			config: `name: it
serviceType: deployment
containers:
  - name: ""
    hub: null
    install: null
    dev:
      gitUrl: ""
      image: ghcr.io/nhctl/dev-go:v0.1.0
      shell: ""
      workDir: ""
      storageClass: ""
      resources: {limits: {memory: "", cpu: ""}, requests: null}
      persistentVolumeDirs: []
      command: {build: [], run: ["", echo, from, "", the, default, shell], debug: null}
      debug: {remoteDebugPort: 0, language: ""}
      hotReload: false
      sync: {type: "", mode: "", filePattern: [], ignoreFilePattern: [""]}
      env: [{name: "", value: ""}]
      envFrom: null
      portForward: [""]
      sidecarImage: ""
`,
			look: func(t *testing.T, dev *developer, src string, s rpc.Session) {
				if got, err := dev.inPod(src, "pwd"); err != nil || strings.TrimSpace(got) != "/home/nocalhost-dev" {
					t.Errorf("commands run in %q, %v", got, err)
				}
				dev.must(src, "dev", "run")
				eventuallyLogs(t, dev, src, "from the default shell")
			},
		},
		"its own sidecar": {
			config: `name: it
serviceType: deployment
containers:
- name: main
  dev:
    image: ghcr.io/nhctl/dev-go:v0.1.0
    sidecarImage: registry.example.com/nocalhost/nocalhost-sidecar:sshversion
    workDir: /home/nocalhost-dev
`,
			said: "is Nocalhost's own sidecar",
		},
		"a volume around the sources": {
			config: `application:
  name: shop
  manifestType: rawManifest
  services:
  - name: it
    serviceType: deployment
    containers:
    - name: main
      install:
        env: [{name: INSTALLED, value: "yes"}]
        portForward: [33000:3000]
      dev:
        image: ghcr.io/nhctl/dev-go:v0.1.0
        shell: bash
        workDir: /home/dev
        persistentVolumeDirs: [{path: /home, capacity: 5Mi}]
        portForward: [33000:3000]
`,
			said: "not used by nhctl: install, manifestType",
			look: func(t *testing.T, dev *developer, src string, s rpc.Session) {
				if got, err := dev.inPod(src, "sh", "-c",
					"echo ${INSTALLED-none}; cat /home/dev/main.txt; echo kept > /home/kept"); err != nil ||
					got != "none\nsource" {
					t.Errorf("%q, %v", got, err)
				}
				dev.must(src, "dev", "end")
				dev.must(src, "dev", "start", "--no-terminal", "--yes")
				if got, err := dev.inPod(src, "sh", "-c", "cat /home/kept /home/dev/main.txt"); err != nil ||
					got != "kept\nsource" {
					t.Errorf("%q, %v", got, err)
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := shared.namespace(t)
			shared.create(t, ns, []byte(itManifest()))
			shared.deploymentReady(t, ns, "it")
			dev := shared.developer(t, ns)
			src := filepath.Join(dev.home, "src", "it")
			write(t, filepath.Join(src, ".nocalhost", "config.yaml"), tt.config)
			write(t, filepath.Join(src, "main.txt"), "source")
			before := shared.mustSnapshot(t, ns)
			// one of them takes a port of this computer
			started := dev.nhctl(src, "dev", "start", "--no-terminal", "--yes")
			if started.code != 0 || !strings.Contains(started.stderr+started.stdout, tt.said) {
				t.Fatalf("%s", started)
			}
			if tt.look != nil {
				tt.look(t, dev, src, query[rpc.Session](dev, src, "dev", "status"))
			}
			dev.must(src, "dev", "end")
			if strings.Contains(tt.config, "persistentVolumeDirs: [{") {
				dev.must(src, "dev", "volumes", "clean")
			}
			shared.restored(t, ns, before)
		})
	}
}

// eventuallyLogs waits for a text in what the last command printed.
func eventuallyLogs(t *testing.T, dev *developer, src, want string) {
	t.Helper()
	eventually(t, 20*time.Second, "the command's output", func(context.Context) error {
		if out := dev.must(src, "dev", "logs"); !strings.Contains(out, want) {
			return errors.New(out)
		}
		return nil
	})
}
