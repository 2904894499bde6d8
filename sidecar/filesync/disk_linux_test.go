package filesync

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/sidecar/filesync/foldertest"
)

// mount makes a folder a small file system of its own, and returns what takes it away.
func mount(t *testing.T, dir, options string) (unmount func()) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); errors.Is(err, syscall.EPERM) {
		t.Skip("only root may mount")
	} else if err != nil {
		t.Fatal(err)
	}
	unmount = sync.OnceFunc(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(unmount)
	return unmount
}

// A disk that is unmounted leaves an empty folder behind.
func TestUnmounted(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	unmount := mount(t, a, "")
	populate(t, a, 30)
	p.start()
	p.same()
	want := list(t, b)
	unmount()
	_ = p.local.engine.Scan(t.Context())
	p.local.fails("")
	if diff := cmp.Diff(want, list(t, b)); diff != "" {
		t.Error(diff)
	}
}

// A full disk is named with the file that it is about, nothing of it is seen, and it passes with its cause.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	p.local.config.stuck = 100 * time.Millisecond
	mount(t, b, "size=1m")
	foldertest.Put(t, a, "small", "1")
	p.start()
	p.same()
	whole := filepath.Join(t.TempDir(), "large") // in one step: a file in the making would travel as it is
	foldertest.Put(t, filepath.Dir(whole), "large", strings.Repeat("x", 3<<20))
	if err := os.Rename(whole, filepath.Join(a, "large")); err != nil {
		t.Fatal(err)
	}
	err := p.local.engine.Wait(limited(t), peer{p.remote.engine})
	if err == nil || !strings.Contains(err.Error(), "large") || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("wait: %v", err)
	}
	eventually(t, func() error { // the model tries again, and knows of none in the meantime
		if errs := p.remote.status().Errors; !strings.HasPrefix(errs["large"], "the disk is full") {
			return fmt.Errorf("errors: %v", errs)
		}
		return nil
	})
	if _, err := os.Stat(filepath.Join(b, "large")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a part of it is seen: %v", err)
	}
	foldertest.Put(t, a, "large", "not so large")
	p.same()
	p.remote.flawless()
}
