package client

import (
	"context"
	"errors"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// Subscribe calls onUpdate with a topic's snapshot and its changes until ctx ends, which is no error, or the
// subscription fails. A client has one subscription at a time.
func (c *Client) Subscribe(ctx context.Context, p rpc.Subscribe, onUpdate func(rpc.Update)) error {
	c.updates.Store(&onUpdate)
	err := c.Call(ctx, rpc.MethodSubscribe, p, nil)
	switch {
	case ctx.Err() != nil:
		return nil
	case errors.Is(err, ErrNoMethod):
		return problem.New(problem.Refused, "the daemon is of an older nhctl, which can't watch").
			WithHint("it is replaced once it is at work for no other command: try again, or stop it with " +
				"`nhctl daemon stop`")
	}
	return err
}

// Follow is Subscribe over as many connections as it takes: where the daemon ends, because another one replaces it or
// because it was lost, the next one sends a new snapshot.
func Follow(
	ctx context.Context, connect func(context.Context) (*Client, error), p rpc.Subscribe, onUpdate func(rpc.Update),
) error {
	for {
		c, err := connect(ctx)
		if err == nil {
			err = c.Subscribe(ctx, p, onUpdate)
			c.Close()
		}
		if ctx.Err() != nil {
			return nil
		}
		if !errors.Is(err, ErrLost) && (err == nil || problem.From(err).Code != problem.Interrupted) {
			return err
		}
		if delay.For(ctx, patience) != nil {
			return nil
		}
	}
}
