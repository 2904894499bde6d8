//go:build e2e

package e2e

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Every kind of change reaches the container; what git ignores does not.
func TestSyncChanges(t *testing.T) {
	t.Parallel()
	_, dev, src := atShop(t)
	write(t, filepath.Join(src, "rename-me"), "r")
	write(t, filepath.Join(src, "delete-me"), "d")
	write(t, filepath.Join(src, "local-notes/secret"), "ignored by .gitignore")
	write(t, filepath.Join(src, ".git/config"), "never")
	dev.must(src, "dev", "start", "--mode", "duplicate", "--no-terminal")

	big := make([]byte, 50<<20)
	_, _ = rand.Read(big)
	sum := sha256.Sum256(big)
	write(t, filepath.Join(src, "big.bin"), string(big))
	edit(t, filepath.Join(src, "main.go"), "Welcome", "Willkommen")
	write(t, filepath.Join(src, "new/nested/folder/file"), "nested")
	for _, err := range []error{
		os.Rename(filepath.Join(src, "rename-me"), filepath.Join(src, "renamed")),
		os.Remove(filepath.Join(src, "delete-me")),
		os.Chmod(filepath.Join(src, "books.json"), 0o755),
		os.Symlink("main.go", filepath.Join(src, "link")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	script := `set -e
grep -q Willkommen main.go
test "$(cat new/nested/folder/file)" = nested
test "$(cat renamed)" = r
test ! -e rename-me
test ! -e delete-me
test -x books.json
test "$(readlink link)" = main.go
test ! -e local-notes
test ! -e .git
test ! -e .dev
test ! -e .stfolder
test "$(id -u)" != 0
test -z "$(find . -mindepth 1 ! -user "$(id -u)" -o ! -type l ! -writable)"
test "$(sha256sum < big.bin | cut -d' ' -f1)" = ` + hex.EncodeToString(sum[:])
	eventually(t, time.Minute, "all changes are in the container", func(context.Context) error {
		_, err := dev.inPod(src, "bash", "-xc", script)
		return err
	})
	// The other way: a program in the container writes, the developer has it.
	if _, err := dev.inPod(src, "sh", "-c", "mkdir -p gen && echo generated > gen/code.go && mkdir -p .vscode && "+
		"echo evil > .vscode/tasks.json"); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, "the generated file is here", func(context.Context) error {
		data, err := os.ReadFile(filepath.Join(src, "gen/code.go"))
		if err == nil && string(data) != "generated\n" {
			err = fmt.Errorf("%q", data)
		}
		return err
	})
	if _, err := os.Lstat(filepath.Join(src, ".vscode")); err == nil {
		t.Error("the pod could write editor settings on the computer")
	}
	if out := dev.must(src, "dev", "sync", "status"); !strings.Contains(out, "in sync") {
		t.Errorf("sync status: %s", out)
	}
	dev.must(src, "dev", "end")
}

// Folders that no pod should see are refused before anything happens.
func TestFoldersRefused(t *testing.T) {
	t.Parallel()
	ns := shop(t)
	dev := shared.developer(t, ns)
	before := shared.mustSnapshot(t, ns)
	for _, dir := range []string{"/", dev.home} {
		r := dev.nhctl("", "dev", "start", "catalog", "--dir", dir, "--image", "ghcr.io/nhctl/dev-go:v0.1.0",
			"--no-terminal")
		if r.code != 1 || !strings.Contains(r.stderr, "is not synced") || !strings.Contains(r.stderr, "hint:") {
			t.Errorf("%s: %s", dir, r)
		}
	}
	shared.restored(t, ns, before)
}
