package devmode

import (
	"context"
	"time"
)

// pause waits, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

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
		if err := pause(ctx, min(max(firstPause, time.Since(begun)/pausePart), lastPause)); err != nil {
			return err
		}
	}
}
