//go:build unix

package terminal

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// changes has a value whenever the terminal's size may have changed, until ctx ends.
func changes(ctx context.Context) <-chan os.Signal {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGWINCH)
	context.AfterFunc(ctx, func() { signal.Stop(signals); close(signals) })
	return signals
}
