package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// playground runs the built program.
func playground(t *testing.T, args ...string) (string, error) {
	t.Helper()
	program, err := filepath.Abs("../../bin/playground")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("%v: build it with: make bin/playground", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	return out.String(), err
}

func must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := playground(t, args...)
	if err != nil {
		t.Fatalf("playground %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// Two playgrounds run side by side, and leave nothing behind.
func TestTwoSideBySide(t *testing.T) {
	names := []string{"pt-a", "pt-b"}
	for _, name := range names {
		t.Cleanup(func() { _, _ = playground(t, "down", "--name", name) })
		must(t, "up", "--name", name, "--dir", t.TempDir())
	}
	role := filepath.Join(t.TempDir(), "role.yaml")
	if err := os.WriteFile(role, []byte("apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: reader}\nrules:\n- {apiGroups: [\"\"], resources: [pods], verbs: [list]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	user := filepath.Join(t.TempDir(), "eve")
	must(t, "user", "eve", "--name", "pt-a", "--namespace", "default", "--role", role, "-o", user)
	must(t, "--name", "pt-a", "kubectl", "--kubeconfig", user, "get", "pods")
	if out, err := playground(t, "--name", "pt-a", "kubectl", "--kubeconfig", user, "get", "secrets"); err == nil {
		t.Errorf("eve may read secrets: %s", out)
	}
	before, err := filepath.Glob("/run/netns/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		must(t, "status", "--name", name)
		pod := `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"playground.local/pause:1","imagePullPolicy":"Never"}]}}`
		file := filepath.Join(t.TempDir(), "pod.json")
		if err := os.WriteFile(file, []byte(pod), 0o600); err != nil {
			t.Fatal(err)
		}
		must(t, "--name", name, "kubectl", "apply", "-f", file)
		must(t, "--name", name, "kubectl", "wait", "--for=condition=Ready", "pod/p", "--timeout=60s")
	}
	if after, err := filepath.Glob("/run/netns/*"); err != nil || len(after) != len(before) {
		t.Errorf("pods left network namespaces where nothing removes them: %v, %v", after, err)
	}
	if out := must(t, "up", "--name", "pt-b", "--dir", dirOf(t, "pt-b")); !strings.Contains(out, "up already") {
		t.Errorf("second up: %s", out)
	}
	for _, name := range names {
		must(t, "down", "--name", name)
		traces(t, name)
	}
}

// dirOf is the folder that a playground belongs to.
func dirOf(t *testing.T, name string) string {
	t.Helper()
	out := must(t, "status", "--name", name)
	_, path, ok := strings.Cut(out, "export KUBECONFIG=")
	if !ok {
		t.Fatalf("status: %s", out)
	}
	return filepath.Dir(filepath.Dir(filepath.Dir(strings.TrimSpace(path))))
}

// traces looks for what a playground could have left.
func traces(t *testing.T, name string) {
	t.Helper()
	for _, pattern := range []string{"/run/netns/nhpg-" + name, "/var/lib/nhctl-playground/" + name, "/run/nhpg-" + name, "/sys/fs/cgroup/nhpg-" + name, "/sys/fs/cgroup/*/nhpg-" + name} {
		if left, _ := filepath.Glob(pattern); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), "/nhctl-playground/"+name+"/") {
		t.Error("mounts are left behind")
	}
	commands, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range commands {
		if data, err := os.ReadFile(file); err == nil && strings.Contains(string(data), "/nhctl-playground/"+name+"/") {
			t.Errorf("a process is left behind: %q", data)
		}
	}
}
