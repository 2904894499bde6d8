package filesync

import (
	"errors"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A disk that is unmounted leaves an empty folder behind.
func TestUnmounted(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	if err := syscall.Mount("tmpfs", a, "tmpfs", 0, ""); errors.Is(err, syscall.EPERM) {
		t.Skip("only root may mount")
	} else if err != nil {
		t.Fatal(err)
	}
	unmount := func() error { return syscall.Unmount(a, syscall.MNT_DETACH) }
	mounted := true
	t.Cleanup(func() {
		if mounted {
			_ = unmount()
		}
	})
	fill(t, a, 30)
	p.start()
	p.same()
	want := list(t, b)
	if err := unmount(); err != nil {
		t.Fatal(err)
	}
	mounted = false
	_ = p.local.engine.Scan(t.Context())
	if s, err := p.local.engine.Status(); err != nil || s.State != StateError {
		t.Errorf("status %+v, %v", s, err)
	}
	if diff := cmp.Diff(want, list(t, b)); diff != "" {
		t.Error(diff)
	}
}
