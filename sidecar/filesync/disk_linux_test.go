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
	"github.com/nhctl/nhctl/sidecar/filesync/ignore"
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

// A disk that is full is told as a whole, with what is missing. Once there is room, sync goes on by itself.
func TestRoomAgain(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive, Rules: ignore.Rules{
		Above: []ignore.Source{{Lines: []string{"ballast"}}},
	}})
	mount(t, b, "size=2m")
	foldertest.Put(t, a, "small", "1")
	p.start()
	p.same()
	foldertest.Put(t, b, "ballast", strings.Repeat("x", 1536<<10))
	const size = 1 << 20
	whole := filepath.Join(t.TempDir(), "large") // in one step: a file in the making would travel as it is
	foldertest.Put(t, filepath.Dir(whole), "large", strings.Repeat("y", size))
	if err := os.Rename(whole, filepath.Join(a, "large")); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		full := p.remote.status().Full
		if full == nil || full.Files != 1 ||
			full.Needed != size || full.Folder != b || full.Free < 0 || full.Free >= size {
			return fmt.Errorf("it says %+v", full)
		}
		return nil
	})
	if err := os.Remove(filepath.Join(b, "ballast")); err != nil {
		t.Fatal(err)
	}
	p.same()
	eventually(t, func() error {
		if full := p.remote.status().Full; full != nil {
			return fmt.Errorf("afterwards: %+v", full)
		}
		return nil
	})
}

// fullIndex is a pair in sync, whose local side then has its index on a disk that ballast fills.
func fullIndex(t *testing.T) (p *pair, a, b, ballast string) {
	t.Helper()
	p, a, b = newPair(t, Settings{Type: SendReceive})
	if err := os.Mkdir(p.local.config.StateDir, 0o700); err != nil {
		t.Fatal(err)
	}
	mount(t, p.local.config.StateDir, "size=8m")
	foldertest.Put(t, a, "small", "1")
	p.start()
	p.same()
	ballast = filepath.Join(p.local.config.StateDir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 8<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	return p, a, b, ballast
}

// The disk of an index is full: the engine lives on, says so, and goes on by itself once there is room.
func TestIndexDiskFull(t *testing.T) {
	t.Parallel()
	p, a, b, ballast := fullIndex(t)
	for i := range 50 {
		foldertest.Put(t, a, fmt.Sprintf("more/%d", i), strings.Repeat("x", 100))
		foldertest.Put(t, b, fmt.Sprintf("from/%d", i), strings.Repeat("x", 100))
	}
	eventually(t, func() error {
		if s := p.local.status(); s.Full == nil || s.Full.Folder != p.local.config.StateDir {
			return fmt.Errorf("it says %+v", s)
		}
		return nil
	})
	err := p.local.engine.Delivered(t.Context(), peer{p.remote.engine})
	if err == nil || !strings.Contains(err.Error(), "the disk of its index is full") {
		t.Errorf("whoever waits for sync hears %v", err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if s := p.local.status(); s.Full != nil {
			return fmt.Errorf("afterwards: %+v", s.Full)
		}
		return nil
	})
	p.same()
}

// An engine ends on a full disk, with what it knows.
func TestEndOnAFullDisk(t *testing.T) {
	t.Parallel()
	p, a, b, ballast := fullIndex(t)
	foldertest.Put(t, a, "more", "2")
	eventually(t, func() error {
		if s := p.local.status(); s.Full == nil {
			return fmt.Errorf("it says %+v", s)
		}
		return nil
	})
	p.local.kill()
	p.cut()
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	p.local.start()
	p.connect()
	p.same()
	if diff := cmp.Diff(list(t, a), list(t, b)); diff != "" {
		t.Error(diff)
	}
}
