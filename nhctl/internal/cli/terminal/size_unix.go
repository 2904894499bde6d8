//go:build unix

package terminal

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
)

// sizes gives the terminal's size now and at each change, until ctx ends.
func sizes(ctx context.Context, f *os.File) <-chan kube.TerminalSize {
	changes := make(chan os.Signal, 1)
	signal.Notify(changes, syscall.SIGWINCH)
	out := make(chan kube.TerminalSize, 1)
	go func() {
		defer close(out)
		defer signal.Stop(changes)
		for {
			if s, ok := size(f); ok {
				select {
				case out <- s:
				case <-ctx.Done():
					return
				}
			}
			select {
			case <-changes:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}
