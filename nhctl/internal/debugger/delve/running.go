package delve

import (
	"context"
	"net"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/sidecar/delve"
)

// pause is that between two questions whether a program runs.
const pause = 20 * time.Millisecond

// Ready returns nil when a delve that takes several clients answers on the connection.
func Ready(conn net.Conn) error { return delve.New(conn).Ready() }

// AwaitRunning returns when the program runs, has exited, or can't be asked for, and when ctx ends.
func AwaitRunning(ctx context.Context, conn net.Conn) {
	c := delve.New(conn)
	for {
		if started, err := c.Started(); started || err != nil || delay.For(ctx, pause) != nil {
			return
		}
	}
}
