//go:build unix

package kube

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// overdue is a context whose time is over when a test says so.
type overdue struct {
	context.Context
	over chan struct{}
}

func (o overdue) Done() <-chan struct{} { return o.over }

func (o overdue) Err() error {
	select {
	case <-o.over:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// A plugin that hangs is ended, with what it has started.
func TestPluginThatHangs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	alive := filepath.Join(dir, "alive") // for as long as someone has it open
	if err := syscall.Mkfifo(alive, 0o600); err != nil {
		t.Fatal(err)
	}
	bin := program(t, "login", "sleep 1000 > alive & wait")
	ctx := overdue{t.Context(), make(chan struct{})}
	var out bytes.Buffer
	ended := make(chan int)
	go func() { ended <- runPlugin(ctx, &out, []string{dir, filepath.Join(bin, "login")}) }()
	child, err := os.Open(alive) // once there is one
	if err != nil {
		t.Fatal(err)
	}
	defer child.Close()
	close(ctx.over)
	if code := <-ended; code != pluginTimedOut || out.Len() > 0 {
		t.Errorf("exit code %d, %d bytes", code, out.Len())
	}
	if _, err := io.ReadAll(child); err != nil { // which ends with the child
		t.Error(err)
	}
}
