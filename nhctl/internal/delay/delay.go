// Package delay waits for a time, or until a context ends.
package delay

import (
	"context"
	"time"
)

// For waits for d, or until ctx ends, and returns why that ended.
func For(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
