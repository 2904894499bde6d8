package node

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What other playgrounds and runtimes have in the same folders stays.
func TestStrays(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	link := func(name, target string) string {
		path := write(name, "")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const tasks = "containerd/io.containerd.runtime.v2.task/k8s.io/"
	write("run/nhpg-a/"+tasks+"1/bootstrap.json",
		`{"version":3,"address":"unix:///run/containerd/s/mine","protocol":"ttrpc"}`)
	write("run/nhpg-a/"+tasks+"2/bootstrap.json", `{"address":"unix:///run/containerd/s/../../../etc/passwd"}`)
	write("run/nhpg-a/"+tasks+"3/bootstrap.json", `no JSON`)
	write("run/nhpg-a-b/"+tasks+"4/bootstrap.json", `{"address":"unix:///run/containerd/s/other"}`)
	write("run/containerd/s/other", "")
	write("var/lib/cni/results/nhpg-a-b-c6122000-2-eth0", "")
	write("var/lib/cni/results/bridge-3-eth0", "")
	link("var/log/containers/other.log", "/var/lib/nhctl-playground/a-b/log/pods/x/0.log")
	link("var/log/containers/system.log", "/var/log/pods/x/0.log")
	want := []string{
		write("run/containerd/s/mine", ""),
		write("var/lib/cni/results/nhpg-a-c6121000-1-eth0", ""),
		link("var/log/containers/mine.log", "/var/lib/nhctl-playground/a/log/pods/x/0.log"),
	}
	p := &Plan{Name: "a", Range: netip.MustParsePrefix("198.18.16.0/20")}
	if diff := cmp.Diff(want, strays(p, root)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}
