package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// playground is one that a test starts with the built program.
type playground struct {
	name, dir string
}

// newPlayground names a playground as no other checkout does, and sees to its end.
func newPlayground(t *testing.T, suffix string) playground {
	t.Helper()
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(here))
	p := playground{name: "pt-" + hex.EncodeToString(sum[:3]) + "-" + suffix, dir: t.TempDir()}
	t.Cleanup(func() { _, _ = p.run(t, "down", "--dir", p.dir) })
	return p
}

// command is the built program, with the playground's name before its arguments.
func (p playground) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	bin := os.Getenv("NHCTL_TEST_BIN")
	if bin == "" {
		bin = "../../bin"
	}
	program, err := filepath.Abs(filepath.Join(bin, "playground"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("%v: build it with: make bin/playground", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	return exec.CommandContext(ctx, program, append([]string{"--name", p.name}, args...)...)
}

func (p playground) run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := p.command(t, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

func (p playground) must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := p.run(t, args...)
	if err != nil {
		t.Fatalf("playground --name %s %s: %v\n%s", p.name, strings.Join(args, " "), err, out)
	}
	return out
}

// start is the command line that starts the playground, of the version that `make test KUBERNETES=...` has built.
func (p playground) start() []string {
	args := []string{"up", "--dir", p.dir}
	if minor := os.Getenv("KUBERNETES"); minor != "" {
		args = append(args, "--kubernetes", minor)
	}
	return args
}

func (p playground) up(t *testing.T) string   { t.Helper(); return p.must(t, p.start()...) }
func (p playground) down(t *testing.T) string { t.Helper(); return p.must(t, "down", "--dir", p.dir) }

// writer is a pod that writes to a new volume as an ordinary user, and tells so in its log.
const writer = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: writer}
spec:
  securityContext: {runAsUser: 1000, runAsGroup: 1000}
  containers:
  - name: c
    image: playground.local/pause:1
    imagePullPolicy: Never
    command: [/pause, --write, /data/file]
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
`

// works fails the test unless the playground does everything that it is for: every part works, a pod gets a new volume,
// which an ordinary user can write to, and its log can be read.
func (p playground) works(t *testing.T) {
	t.Helper()
	p.must(t, "status")
	file := filepath.Join(t.TempDir(), "writer.yaml")
	if err := os.WriteFile(file, []byte(writer), 0o600); err != nil {
		t.Fatal(err)
	}
	p.must(t, "kubectl", "delete", "--ignore-not-found", "--grace-period=1", "-f", file)
	p.must(t, "kubectl", "apply", "-f", file)
	if out, err := p.run(t, "kubectl", "wait", "--for=condition=Ready", "pod/writer", "--timeout=60s"); err != nil {
		events, _ := p.run(t, "kubectl", "get", "events,pods,pvc")
		t.Fatalf("%v: %s%s", err, out, events)
	}
	for limit := time.Now().Add(20 * time.Second); ; {
		log, _ := p.run(t, "kubectl", "logs", "writer")
		if strings.Contains(log, "wrote /data/file") {
			return
		}
		if strings.Contains(log, "can't") || time.Now().After(limit) {
			t.Fatalf("the pod's log: %s", log)
		}
	}
}

// Playgrounds run next to each other, tell users apart, and leave nothing behind.
func TestTwoSideBySide(t *testing.T) {
	a, b := newPlayground(t, "a"), newPlayground(t, "b")
	a.up(t)
	b.up(t)
	role := filepath.Join(t.TempDir(), "role.yaml")
	if err := os.WriteFile(role, []byte("apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: "+
		"reader}\nrules:\n- {apiGroups: [\"\"], resources: [pods], verbs: [list]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	user := filepath.Join(t.TempDir(), "eve")
	a.must(t, "user", "eve", "--namespace", "default", "--role", role, "-o", user)
	a.must(t, "kubectl", "--kubeconfig", user, "get", "pods")
	if out, err := a.run(t, "kubectl", "--kubeconfig", user, "get", "secrets"); err == nil {
		t.Errorf("eve may read secrets: %s", out)
	}
	before, err := filepath.Glob("/run/netns/*")
	if err != nil {
		t.Fatal(err)
	}
	a.works(t)
	b.works(t)
	if after, err := filepath.Glob("/run/netns/*"); err != nil || len(after) != len(before) {
		t.Errorf("pods left network namespaces where nothing removes them: %v, %v", after, err)
	}
	if out := b.up(t); !strings.Contains(out, "up already") {
		t.Errorf("second up: %s", out)
	}
	if out, err := b.run(t, "down", "--dir", a.dir); err == nil || !strings.Contains(out, "belongs to another folder") {
		t.Errorf("another folder's playground was taken down: %v: %s", err, out)
	}
	for _, p := range []playground{a, b} {
		p.down(t)
		p.traces(t)
	}
}

// A part that is there and does nothing is seen: its state is not that of its process.
func TestStatus(t *testing.T) {
	p := newPlayground(t, "s")
	p.up(t)
	for _, part := range []string{"etcd", "containerd", "kube-controller-manager", "kube-scheduler", "kubelet",
		"kube-proxy", "coredns", "volumes"} {
		p.must(t, "pause", part)
		out, err := p.run(t, "status")
		p.must(t, "resume", part)
		if err == nil || !strings.Contains(stateOf(out, part), "fails") {
			t.Errorf("%s is paused, and status says: %v\n%s", part, err, out)
		}
	}
	p.works(t)
}

// stateOf is a part's line in what status prints.
func stateOf(status, part string) string {
	for line := range strings.Lines(status) {
		if strings.HasPrefix(line, part+" ") {
			return line
		}
	}
	return ""
}

// traces looks for what a playground could have left.
func (p playground) traces(t *testing.T) {
	t.Helper()
	for _, pattern := range []string{"/run/netns/nhpg-" + p.name, "/var/lib/nhctl-playground/" + p.name,
		"/run/nhpg-" + p.name,
		"/sys/fs/cgroup/nhpg-" + p.name + "*", "/sys/fs/cgroup/*/nhpg-" + p.name + "*", p.dir + "/.playground",
		"/var/lib/cni/results/nhpg-" + p.name + "*"} {
		if left, _ := filepath.Glob(pattern); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
	links, _ := filepath.Glob("/var/log/containers/*")
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && strings.Contains(target, "/nhctl-playground/"+p.name+"/") {
			t.Errorf("left behind: %s -> %s", link, target)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), "/nhctl-playground/"+p.name+"/") {
		t.Error("mounts are left behind")
	}
	commands, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range commands {
		if data, err := os.ReadFile(file); err == nil &&
			strings.Contains(string(data), "/nhctl-playground/"+p.name+"/") {
			t.Errorf("a process is left behind: %q", data)
		}
	}
}
