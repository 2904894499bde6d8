package daemon

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/client"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs/userdirstest"
)

func TestOneDaemonAUser(t *testing.T) {
	t.Parallel()
	p := userdirstest.New(t)
	serving(t, p)
	c := connect(t, p)
	var d rpc.Daemon
	if err := c.Call(t.Context(), rpc.MethodDaemon, nil, &d); err != nil || d.PID != os.Getpid() {
		t.Errorf("%+v, %v", d, err)
	}
	subscribes(t, c)
	info, err := os.Stat(p.Socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket: %v, %v", info, err)
	}
	if err := Serve(t.Context(), p); !errors.Is(err, ErrRunning) {
		t.Errorf("a second daemon: %v", err)
	}
}

// subscribes follows a topic until its snapshot.
func subscribes(t *testing.T, c *client.Client) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var got rpc.Update
	err := c.Subscribe(ctx, rpc.Subscribe{Topic: rpc.TopicForwards, Caller: rpc.Caller{Dir: t.TempDir()}},
		func(u rpc.Update) { got = u; cancel() })
	if err != nil || !got.Snapshot || got.Topic != rpc.TopicForwards || got.Call == "" {
		t.Errorf("%+v, %v", got, err)
	}
}

// A daemon that is ending still has the lock for a while: the next one waits for it.
func TestDaemonAfterOneThatEnds(t *testing.T) {
	t.Parallel()
	p := userdirstest.New(t)
	ending, err := acquire(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	next := make(chan error, 1)
	go func() {
		lock, err := acquire(t.Context(), p)
		if err == nil {
			err = lock.Unlock()
		}
		next <- err
	}()
	select {
	case err := <-next:
		t.Errorf("the next one did not wait: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if err := ending.Unlock(); err != nil {
		t.Error(err)
	}
	if err := <-next; err != nil {
		t.Error(err)
	}
}

// A newer build replaces a daemon between calls, and no other time.
func TestReplace(t *testing.T) {
	t.Parallel()
	stopped := make(chan struct{})
	d := newDaemon(userdirstest.New(t), rpc.Build{Version: "v0.1.0"}, slog.New(slog.NewTextHandler(io.Discard, nil)),
		func() { close(stopped) }, nil)
	release, err := d.registry.Reserve("web")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.replace(t.Context(), struct{}{}); err == nil || problem.From(err).Code != problem.Held {
		t.Errorf("while a call is at work: %v", err)
	}
	release()
	if _, err := d.replace(t.Context(), struct{}{}); err != nil {
		t.Error(err)
	}
	<-stopped
}
