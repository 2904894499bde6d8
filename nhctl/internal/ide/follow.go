package ide

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/client"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

const (
	// firstPause and longestPause limit the pause before a subscription is taken again.
	firstPause   = 100 * time.Millisecond
	longestPause = 10 * time.Second
	// patience is how many failures in a row an editor does not hear of: a daemon that is replaced takes a moment.
	patience = 3
)

// follow keeps a subscription over as many daemons as it takes, each of which sends a snapshot. It ends when the editor
// cancels it, or a daemon refuses it.
func (c *call) follow(ctx context.Context, params json.RawMessage) (json.RawMessage, error) {
	failures, told := 0, ""
	for {
		var works atomic.Bool
		result, err := c.once(ctx, params, func(method string, params json.RawMessage) {
			works.Store(true)
			c.heard(method, params)
		})
		if ctx.Err() != nil || err == nil || refused(err) {
			return result, err
		}
		if works.Load() {
			failures, told = 0, ""
		}
		if failures++; failures >= patience && told != err.Error() {
			told = err.Error()
			c.notify(rpc.MethodUpdate, rpc.Update{
				Call:    c.id,
				Topic:   topic(params),
				Problem: problem.From(err),
			})
		}
		if err := delay.For(ctx, pause(failures)); err != nil {
			return nil, err
		}
	}
}

// refused says that a daemon has answered, other than that it ends.
func refused(err error) bool {
	var answered *client.Answered
	return errors.Is(err, client.ErrNoMethod) ||
		errors.As(err, &answered) && answered.Problem.Code != problem.Interrupted
}

func topic(params json.RawMessage) rpc.Topic {
	var p rpc.Subscribe
	_ = json.Unmarshal(params, &p) // the daemon has said so, if it can't be read
	return p.Topic
}

// pause is the pause after so many failures in a row, more or less: editors that lost one daemon don't come at once.
func pause(failures int) time.Duration {
	longest := min(firstPause<<min(failures, 10), longestPause)
	return longest/2 + rand.N(longest/2)
}
