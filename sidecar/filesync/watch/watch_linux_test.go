package watch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Folders that move away and are deleted at once make inotify's watches end in errors. Adding other folders goes on,
// also while no one serves; who serves then is told that anything may have changed, and closing ends.
func TestErrorsHoldNothingUp(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	w, err := New(root)
	if err != nil {
		t.Fatal(err)
	}
	within(t, "add folders", func() error {
		moved := filepath.Join(root, "moved")
		for n := 0; len(w.lost) == 0; n++ {
			name := strconv.Itoa(n)
			dir := filepath.Join(root, name)
			if err := os.Mkdir(dir, 0o755); err != nil {
				return err
			}
			w.Add(name)
			if err := errors.Join(os.Rename(dir, moved), os.Remove(moved)); err != nil {
				return err
			}
		}
		return nil
	})
	within(t, "serve and close", func() error {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		return w.Serve(ctx, func(b Batch) {
			if b.Overflow {
				cancel()
			}
		})
	})
}

// within fails the test when something does not end.
func within(t *testing.T, what string, do func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	case <-time.After(time.Minute):
		t.Fatalf("%s: not within a minute", what)
	}
}
