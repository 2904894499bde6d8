//go:build !linux

package sessiontest

import (
	"context"
	"log/slog"
)

// supervises says that this system has supervisors.
const supervises = false

// supervise does nothing: there are supervisors on Linux alone, and sessions live without one.
func supervise(ctx context.Context, _ string, _ *slog.Logger) error {
	<-ctx.Done()
	return nil
}
