package daemon

import (
	"context"
	"net"
	"testing"

	"github.com/creachadair/jrpc2"
	"github.com/creachadair/jrpc2/channel"
	"github.com/creachadair/jrpc2/handler"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// Events come in their order, and before the answer that follows them.
func TestEventsInOrder(t *testing.T) {
	t.Parallel()
	const events = 1000
	paths := Paths{Socket: t.TempDir() + "/s"}
	listener, err := net.Listen("unix", paths.Socket)
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
				if err := jrpc2.ServerFromContext(ctx).Notify(ctx, rpc.MethodEvent, event.Event{Type: event.Log, V: i}); err != nil {
					return err
				}
			}
			return nil
		})}, &jrpc2.ServerOptions{AllowPush: true})
		_ = server.Start(channel.Line(conn, conn)).Wait()
	}()
	var got []int
	c, err := dial(paths, func(e event.Event) { got = append(got, e.V) })
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
