package dispatch

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/creachadair/jrpc2"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

type updatesKey struct{}

// WithUpdates returns a context whose subscription tells its updates to push.
func WithUpdates(ctx context.Context, push func(rpc.Update) error) context.Context {
	return context.WithValue(ctx, updatesKey{}, push)
}

// withUpdates lets a call's updates be pushed to its client, with the id of the call.
func withUpdates(ctx context.Context, id string) context.Context {
	server := jrpc2.ServerFromContext(ctx)
	push := context.WithoutCancel(ctx)
	return WithUpdates(ctx, func(u rpc.Update) error {
		u.Call = id
		return server.Notify(push, rpc.MethodUpdate, u)
	})
}

// Updates is how a subscription tells its client what is new. It blocks for as long as the client does not read, and
// fails once the client is gone.
func Updates(ctx context.Context) func(rpc.Update) error {
	if push, ok := ctx.Value(updatesKey{}).(func(rpc.Update) error); ok {
		return push
	}
	return func(rpc.Update) error { return errors.New("no call of a client") }
}

// impatient is a client's connection. A client that has stopped reading may take its time, until the daemon ends: then
// each write has a limit, so that the daemon does not wait for it.
type impatient struct {
	net.Conn
	hurried atomic.Bool
}

// hurry limits the write that is under way, and those to come.
func (c *impatient) hurry() {
	c.hurried.Store(true)
	_ = c.SetWriteDeadline(time.Now().Add(lastWords))
}

func (c *impatient) Write(p []byte) (int, error) {
	if c.hurried.Load() {
		_ = c.SetWriteDeadline(time.Now().Add(lastWords))
	}
	return c.Conn.Write(p)
}
