package delve

import (
	"context"
	"time"
)

// pause is that between two questions whether a program runs.
const pause = 20 * time.Millisecond

func rest(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(pause):
		return nil
	}
}
