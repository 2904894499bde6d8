package sessiontest

import (
	"context"
	"log/slog"

	real "github.com/nhctl/nhctl/sidecar/supervise"
)

// supervises says that this system has supervisors.
const supervises = true

func supervise(ctx context.Context, socket string, logger *slog.Logger) error {
	return real.New(real.Options{Socket: socket, Logger: logger}).Serve(ctx)
}
