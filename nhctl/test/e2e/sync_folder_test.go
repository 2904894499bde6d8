//go:build e2e

package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// Another folder takes the place of the one that is synced, while dev mode goes on; a new daemon goes on with it.
func TestSyncAnotherFolder(t *testing.T) {
	t.Parallel()
	_, dev, src := atShop(t)
	write(t, filepath.Join(src, "only-old"), "old")
	dev.must(src, "dev", "start", "--mode", "duplicate", "--no-terminal")
	inPod := func(want string, argv ...string) {
		t.Helper()
		if out, err := dev.inPod(src, argv...); err != nil || strings.TrimSpace(out) != want {
			t.Errorf("%v: %q, %v; want %q", argv, out, err, want)
		}
	}
	next := filepath.Join(dev.home, "src", "next")
	write(t, filepath.Join(next, "go.mod"), "module next\n")
	write(t, filepath.Join(next, "only-next"), "next")

	if r := dev.nhctl(src, "dev", "sync", "folder", dev.home); r.code != 1 ||
		!strings.Contains(r.stderr, "home folder") {
		t.Errorf("the home folder: %s", r)
	}
	if r := dev.nhctl(src, "dev", "sync", "folder", "."); r.code != 2 || !strings.Contains(r.stderr, "already") {
		t.Errorf("the same folder: %s", r)
	}
	r := dev.nhctl(src, "dev", "sync", "folder", "../next")
	if r.code != 0 || !strings.Contains(r.stdout, "1 files differed") ||
		!strings.Contains(r.stderr, "those of this computer win") {
		t.Fatalf("folder: %s", r)
	}
	inPod("module next", "cat", "go.mod")
	inPod("next", "cat", "only-next")
	if got := read(t, filepath.Join(src, "go.mod")); strings.Contains(got, "next") {
		t.Errorf("the old folder was changed: %q", got)
	}
	if out := dev.must(src, "dev", "sync", "restore", "--list",
		filepath.Join(next, "go.mod")); !strings.Contains(out, "the container") {
		t.Errorf("versions: %s", out)
	}
	for _, when := range []string{"at once", "by a new daemon"} {
		write(t, filepath.Join(src, "only-old"), when)
		write(t, filepath.Join(next, "only-next"), when)
		dev.must(src, "dev", "sync", "wait")
		inPod(when, "cat", "only-next")
		inPod("old", "cat", "only-old")
		if s := query[rpc.Session](dev, src, "dev", "status"); s.Folder != next {
			t.Errorf("%s: the session's folder is %s", when, s.Folder)
		}
		dev.must("", "daemon", "stop")
	}
	dev.must(src, "dev", "end")
}
