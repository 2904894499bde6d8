package devmode

import (
	"context"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/delay"
)

// Pauses of poll. They grow with the wait, so that one of minutes costs the API server little and its end is seen at
// most a fiftieth later.
const (
	firstPause, lastPause = 100 * time.Millisecond, time.Second
	pausePart             = 50
)

// poll calls check until it says true, fails, or ctx ends.
func poll(ctx context.Context, check func(context.Context) (bool, error)) error {
	for begun := time.Now(); ; {
		done, err := check(ctx)
		if done || err != nil {
			return err
		}
		if err := delay.For(ctx, min(max(firstPause, time.Since(begun)/pausePart), lastPause)); err != nil {
			return err
		}
	}
}
