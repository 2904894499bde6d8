//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/sidecar/filesync/ignore"
)

// podFiles lists the files of a folder in the dev container.
func podFiles(t *testing.T, dev *developer, src, dir string) []string {
	t.Helper()
	out, err := dev.inPod(src, "sh", "-c", "find "+dir+" -type f 2>/dev/null | sort")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(out)
}

// many writes files into a folder.
func many(t *testing.T, dir string, n int) {
	t.Helper()
	for i := range n {
		write(t, filepath.Join(dir, fmt.Sprintf("file%d", i)), fmt.Sprint("content ", i))
	}
}

// What sync stops for, and what ends that: pause, mass deletions on either side, conflicts, versions.
func TestSyncDecisions(t *testing.T) {
	t.Parallel()
	_, dev, src := atShop(t)
	many(t, filepath.Join(src, "many"), 40)
	write(t, filepath.Join(src, "shared.txt"), "base")
	write(t, filepath.Join(src, "local-notes/secret"), "ignored")
	dev.must(src, "dev", "start", "--mode", "duplicate", "--no-terminal")
	inPod := func(want string, argv ...string) {
		t.Helper()
		if out, err := dev.inPod(src, argv...); err != nil || strings.TrimSpace(out) != want {
			t.Errorf("%v: %q, %v; want %q", argv, out, err, want)
		}
	}

	// The barrier: what was saved before is there.
	for i := range 5 {
		write(t, filepath.Join(src, "barrier"), fmt.Sprint("save ", i))
		dev.must(src, "dev", "sync", "wait", "--timeout", "20s")
		inPod(fmt.Sprint("save ", i), "cat", "barrier")
	}

	dev.must(src, "dev", "sync", "pause")
	write(t, filepath.Join(src, "barrier"), "while paused")
	if r := dev.nhctl(src, "dev", "sync", "wait"); r.code != 1 || !strings.Contains(r.stderr, "dev sync resume") {
		t.Errorf("wait while paused: %s", r)
	}
	inPod("save 4", "cat", "barrier")
	if out := dev.must(src, "dev", "sync", "status"); !strings.Contains(out, "paused") {
		t.Errorf("status: %s", out)
	}
	dev.must(src, "dev", "sync", "resume")
	dev.must(src, "dev", "sync", "wait")
	inPod("while paused", "cat", "barrier")

	if r := query[[]ignore.Reason](dev, src, "dev", "sync", "explain", "local-notes/secret", "main.go"); len(r) != 2 ||
		r[0].Synced || r[0].File != ".gitignore" || r[0].Line == 0 || !r[1].Synced {
		t.Errorf("explain: %+v", r)
	}

	t.Run("a mass deletion here", func(t *testing.T) {
		if err := os.Rename(filepath.Join(src, "many"), filepath.Join(dev.home, "away")); err != nil {
			t.Fatal(err)
		}
		held(t, dev, src, event.Here)
		if got := podFiles(t, dev, src, "many"); len(got) != 40 {
			t.Fatalf("%d of 40 files are left in the pod", len(got))
		}
		if r := dev.nhctl(src, "dev", "sync", "accept"); r.code != 1 || !strings.Contains(r.stderr, "--yes") {
			t.Errorf("accept without a yes: %s", r)
		}
		if out := dev.must(src, "dev", "sync", "restore"); !strings.Contains(out, "files are back") {
			t.Errorf("restore: %s", out)
		}
		dev.must(src, "dev", "sync", "wait")
		if data, err := os.ReadFile(filepath.Join(src, "many/file7")); err != nil || string(data) != "content 7" {
			t.Errorf("restored file: %q, %v", data, err)
		}
	})
	t.Run("a mass deletion in the pod", func(t *testing.T) {
		if _, err := dev.inPod(src, "rm", "-rf", "many"); err != nil {
			t.Fatal(err)
		}
		held(t, dev, src, event.InPod)
		// The first few may be through before it shows that they are many.
		if entries, err := os.ReadDir(filepath.Join(src, "many")); err != nil || len(entries) < 37 {
			t.Fatalf("%d of 40 files are left here, %v", len(entries), err)
		}
		dev.must(src, "dev", "sync", "accept", "--yes")
		dev.must(src, "dev", "sync", "wait")
		if _, err := os.Stat(filepath.Join(src, "many/file7")); err == nil {
			t.Error("accepted, but the files are here")
		}
		// What this computer had made, and the pod deleted, can be had back.
		dev.must(src, "dev", "sync", "restore", "many")
		dev.must(src, "dev", "sync", "wait")
		if got := podFiles(t, dev, src, "many"); len(got) != 40 {
			t.Errorf("%d of 40 files are back in the pod", len(got))
		}
	})
	t.Run("conflicts", func(t *testing.T) {
		dev.must(src, "dev", "sync", "pause")
		write(t, filepath.Join(src, "shared.txt"), "mine")
		if _, err := dev.inPod(src, "sh", "-c",
			"printf theirs > shared.txt; touch -d '1 hour' shared.txt"); err != nil {
			t.Fatal(err)
		}
		dev.must(src, "dev", "sync", "resume")
		dev.must(src, "dev", "sync", "wait")
		inPod("theirs", "cat", "shared.txt")
		list := query[[]rpc.SyncVersion](dev, src, "dev", "sync", "conflicts")
		if len(list) != 1 || list[0].Path != "shared.txt" || list[0].Side != event.Here {
			t.Fatalf("conflicts: %+v", list)
		}
		if out := dev.must(src, "dev", "sync", "status"); !strings.Contains(out, "1 conflicts") {
			t.Errorf("status: %s", out)
		}
		dev.must(src, "dev", "sync", "resolve", "--local")
		dev.must(src, "dev", "sync", "wait")
		inPod("mine", "cat", "shared.txt")
		if out := dev.must(src, "dev", "sync", "conflicts"); !strings.Contains(out, "no conflicts") {
			t.Errorf("conflicts: %s", out)
		}
	})
	t.Run("override and reset", func(t *testing.T) {
		if r := dev.nhctl(src, "dev", "sync", "override"); r.code != 1 || !strings.Contains(r.stderr, "--yes") {
			t.Errorf("override without a yes: %s", r)
		}
		dev.must(src, "dev", "sync", "override", "--yes")
		dev.must(src, "dev", "sync", "reset")
		write(t, filepath.Join(src, "barrier"), "after the reset")
		dev.must(src, "dev", "sync", "wait")
		inPod("after the reset", "cat", "barrier")
		inPod("mine", "cat", "shared.txt")
	})
	// What the container lost and no one decided about comes home at the end.
	dev.must(src, "dev", "sync", "pause")
	if _, err := dev.inPod(src, "sh", "-c",
		"printf 'last words' > shared.txt; touch -d '1 hour ago' shared.txt"); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(src, "shared.txt"), "mine again")
	dev.must(src, "dev", "sync", "resume")
	dev.must(src, "dev", "sync", "wait")
	if r := dev.nhctl(src, "dev", "end"); r.code != 0 || !strings.Contains(r.stderr, "1 files had another content") {
		t.Errorf("end: %s", r)
	}
	found, err := filepath.Glob(filepath.Join(dev.home, "state/nhctl/kept/*/*/shared.txt/*.conflict"))
	if err != nil || len(found) != 1 {
		t.Fatalf("kept: %v, %v", found, err)
	}
	if data, err := os.ReadFile(found[0]); err != nil || string(data) != "last words" {
		t.Errorf("kept content: %q, %v", data, err)
	}
}

// held waits until sync has stopped for a deletion on a side.
func held(t *testing.T, dev *developer, src, side string) {
	t.Helper()
	eventually(t, 20*time.Second, "sync stops", func(context.Context) error {
		s := query[[]event.SyncData](dev, src, "dev", "sync", "status")
		if s[0].Held == nil || s[0].Held.Side != side {
			return fmt.Errorf("%+v", s[0])
		}
		return nil
	})
	if r := dev.nhctl(src, "dev", "sync", "wait"); r.code != 1 || !strings.Contains(r.stderr, "dev sync accept") {
		t.Errorf("wait while stopped: %s", r)
	}
}

const syncConfig = `services:
- name: catalog
  serviceType: Deployment
  containers:
  - name: catalog
    dev:
      image: ghcr.io/nhctl/dev-go:v0.1.0
      sync:
      - type: send
        mode: pattern
        deleteProtection: false
        filePattern: [./src, ./many]
        ignoreFilePattern: [./src/tmp]
      - local: ../protos
        remote: /protos
        deletionGuard: {percent: 50, files: 3}
        linksOutside: true
`

// Fields of the config that say what is synced: each subtest is named after the field that it shows.
func TestConfigFieldsSync(t *testing.T) {
	t.Parallel()
	ns := shop(t)
	dev := shared.developer(t, ns)
	src := filepath.Join(dev.home, "src", "fields")
	for name, text := range map[string]string{
		".dev/config.yaml": syncConfig, ".gitignore": "generated\n", "src/main.go": "package main",
		"src/generated": "g", "src/tmp/x": "x", "other/file": "o",
	} {
		write(t, filepath.Join(src, name), text)
	}
	write(t, filepath.Join(dev.home, "src", "protos", "shop.proto"), "message Book {}")
	many(t, filepath.Join(src, "many"), 40)
	// It takes a folder from outside and leaves git's rules out: a script says yes.
	if r := dev.nhctl(src, "dev", "start", "--mode", "duplicate", "--no-terminal"); r.code != 1 ||
		!strings.Contains(r.stderr, "outside of the repository") {
		t.Errorf("start with an untrusted config: %s", r)
	}
	dev.must(src, "dev", "start", "--mode", "duplicate", "--no-terminal", "--yes")
	exists := func(t *testing.T, name string, want bool) {
		t.Helper()
		if _, err := dev.inPod(src, "test", "-e", name); (err == nil) != want {
			t.Errorf("%s in the container: %v, want %v", name, err == nil, want)
		}
	}
	t.Run("dev.sync.mode", func(t *testing.T) { exists(t, "src/generated", true) }) // though git ignores it
	t.Run("dev.sync.filePattern", func(t *testing.T) {
		exists(t, "src/main.go", true)
		exists(t, "other/file", false)
	})
	t.Run("dev.sync.ignoreFilePattern", func(t *testing.T) { exists(t, "src/tmp/x", false) })
	t.Run("dev.sync.type", func(t *testing.T) {
		if _, err := dev.inPod(src, "sh", "-c", "echo made in the pod > src/made"); err != nil {
			t.Fatal(err)
		}
		dev.must(src, "dev", "sync", "wait")
		if _, err := os.Stat(filepath.Join(src, "src/made")); err == nil {
			t.Error("a file of the pod came here, though sync only sends")
		}
	})
	t.Run("dev.sync.local", func(t *testing.T) {
		if s := query[[]event.SyncData](dev, src, "dev", "sync", "status"); len(s) != 2 ||
			filepath.Base(s[1].Folder) != "protos" {
			t.Errorf("synced folders: %+v", s)
		}
		write(t, filepath.Join(dev.home, "src", "protos", "new.proto"), "message New {}")
		dev.must(src, "dev", "sync", "wait")
		exists(t, "/protos/new.proto", true)
	})
	t.Run("dev.sync.remote", func(t *testing.T) {
		exists(t, "/protos/shop.proto", true)
		if _, err := dev.inPod(src, "sh", "-c", "echo made in the pod > /protos/made"); err != nil {
			t.Fatal(err)
		}
		dev.must(src, "dev", "sync", "wait")
		if _, err := os.Stat(filepath.Join(dev.home, "src", "protos", "made")); err != nil {
			t.Error("this folder's sync goes both ways, but what the pod made is not here")
		}
	})
	t.Run("dev.sync.linksOutside", func(t *testing.T) {
		if _, err := dev.inPod(src, "sh", "-c", "ln -s /etc/hosts /protos/outside && mkdir -p /protos/.claude && "+
			"echo evil > /protos/.claude/settings.json && echo '{}' > /protos/.mcp.json"); err != nil {
			t.Fatal(err)
		}
		dev.must(src, "dev", "sync", "wait")
		if target, err := os.Readlink(filepath.Join(dev.home, "src", "protos", "outside")); err != nil ||
			target != "/etc/hosts" {
			t.Errorf("the link is %q here, %v", target, err)
		}
		// what agents start by does not come from a pod, whatever the setting
		for _, name := range []string{".claude", ".mcp.json"} {
			if _, err := os.Lstat(filepath.Join(dev.home, "src", "protos", name)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s came from the pod: %v", name, err)
			}
		}
	})
	t.Run("dev.sync.deletionGuard", func(t *testing.T) {
		protos := filepath.Join(dev.home, "src", "protos")
		many(t, filepath.Join(protos, "many"), 6)
		dev.must(src, "dev", "sync", "wait")
		if err := os.RemoveAll(filepath.Join(protos, "many")); err != nil {
			t.Fatal(err)
		}
		eventually(t, 30*time.Second, "sync stops", func(context.Context) error {
			if s := query[[]event.SyncData](dev, src, "dev", "sync", "status"); len(s) != 2 || s[1].Held == nil {
				return fmt.Errorf("%+v", s)
			}
			return nil
		})
		dev.must(src, "dev", "sync", "accept", "--yes")
		dev.must(src, "dev", "sync", "wait")
		exists(t, "/protos/many", false)
	})
	t.Run("dev.sync.deleteProtection", func(t *testing.T) {
		if err := os.RemoveAll(filepath.Join(src, "many")); err != nil {
			t.Fatal(err)
		}
		dev.must(src, "dev", "sync", "wait")
		exists(t, "many/file1", false)
	})
	dev.must(src, "dev", "end")
}
