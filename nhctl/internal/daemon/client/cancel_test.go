package client

import (
	"context"
	"net"
	"testing"
	"testing/synctest"

	"github.com/creachadair/jrpc2"
	"github.com/creachadair/jrpc2/channel"
	"github.com/creachadair/jrpc2/handler"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// cancelled is a connection to a daemon with two methods that last: stop ends each by its id, and undone lets the
// cancelled ones answer.
func cancelled(t *testing.T, undone <-chan struct{}) *Client {
	t.Helper()
	here, there := net.Pipe()
	stops := map[string]chan struct{}{`1`: make(chan struct{}), `2`: make(chan struct{})}
	last := func(ctx context.Context) error {
		<-stops[jrpc2.InboundRequest(ctx).ID()]
		<-undone
		return failure(problem.Interrupted)
	}
	server := jrpc2.NewServer(handler.Map{
		"first":  handler.New(last),
		"second": handler.New(last),
		"other":  handler.New(func(context.Context) string { return "answered" }),
		rpc.MethodCancel: handler.New(func(_ context.Context, p rpc.Cancel) error {
			close(stops[p.ID])
			return nil
		}),
	}, &jrpc2.ServerOptions{Concurrency: 8})
	server.Start(channel.Line(there, there))
	c := newClient(here, func(event.Event) {})
	t.Cleanup(func() {
		c.Close()
		there.Close()
		_ = server.Wait()
	})
	return c
}

// Who cancels a call waits for its undo, and the other calls of the connection go on.
func TestCancelOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		undone := make(chan struct{})
		c := cancelled(t, undone)
		call := func(method string) (cancel func(), ended chan error) {
			ctx, cancel := context.WithCancel(t.Context())
			ended = make(chan error, 1)
			go func() { ended <- c.Call(ctx, method, nil, nil) }()
			synctest.Wait()
			return cancel, ended
		}
		still := func(name string, ended chan error) {
			t.Helper()
			synctest.Wait()
			select {
			case err := <-ended:
				t.Errorf("%s has ended: %v", name, err)
			default:
			}
		}
		stopFirst, first := call("first")
		stopSecond, second := call("second")
		stopFirst()
		still("the first, before its undo,", first)
		still("the second", second)
		close(undone)
		if err := <-first; problem.From(err).Code != problem.Interrupted {
			t.Errorf("the first: %v", err)
		}
		still("the second", second)
		var text string
		if err := c.Call(t.Context(), "other", nil, &text); err != nil || text != "answered" {
			t.Errorf("a call after that: %q, %v", text, err)
		}
		stopSecond()
		if err := <-second; problem.From(err).Code != problem.Interrupted {
			t.Errorf("the second: %v", err)
		}
	})
}

// A daemon that does not come to an end with its undo is left alone after a while.
func TestCancelHasALimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		undone := make(chan struct{})
		c := cancelled(t, undone)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := c.Call(ctx, "first", nil, nil)
		if p := problem.From(err); p.Code != problem.Interrupted || p.Hint == "" {
			t.Errorf("%+v", p)
		}
		close(undone)
	})
}
