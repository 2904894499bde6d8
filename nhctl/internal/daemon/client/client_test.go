package client

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"testing"

	"github.com/creachadair/jrpc2"
	"github.com/creachadair/jrpc2/channel"
	"github.com/creachadair/jrpc2/handler"
	"github.com/gofrs/flock"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
)

// Events come in their order, and before the answer that follows them.
func TestEventsInOrder(t *testing.T) {
	t.Parallel()
	const events = 1000
	dirs := userdirs.Dirs{Socket: t.TempDir() + "/s"}
	listener, err := net.Listen("unix", dirs.Socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		server := jrpc2.NewServer(handler.Map{"logs": handler.New(func(ctx context.Context) error {
			for i := range events {
				if err := jrpc2.ServerFromContext(ctx).Notify(ctx, rpc.MethodEvent,
					event.Event{Type: event.Log, V: i}); err != nil {
					return err
				}
			}
			return nil
		})}, &jrpc2.ServerOptions{AllowPush: true})
		_ = server.Start(channel.Line(conn, conn)).Wait()
	}()
	var got []int
	c, err := dial(dirs, func(conn net.Conn) *Client {
		return newClient(conn, func(e event.Event) { got = append(got, e.V) })
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Call(t.Context(), "logs", nil, nil); err != nil {
		t.Fatal(err)
	}
	if len(got) != events {
		t.Fatalf("%d events before the answer, want %d", len(got), events)
	}
	for i, n := range got {
		if n != i {
			t.Fatalf("event %d came as number %d", n, i)
		}
	}
}

// A daemon that has closed its socket still saves its sessions: it has stopped when it lets go of the lock.
func TestStoppedWhenTheLockIsFree(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	dirs := userdirs.Dirs{State: dir, Socket: filepath.Join(dir, "s")}
	lock := flock.New(dirs.Lock())
	if ok, err := lock.TryLock(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*stopPause)
	defer cancel()
	if err := stopped(ctx, dirs); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while it is held: %v", err)
	}
	next, err := net.Listen("unix", dirs.Socket)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- stopped(t.Context(), dirs) }()
	next.Close()
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if ok, err := lock.TryLock(); !ok || err != nil {
		t.Errorf("the lock is kept: %v, %v", ok, err)
	}
}
