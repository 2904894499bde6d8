package terminal

import (
	"context"
	"os"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
)

// sizes gives the terminal's size now and at each change, until ctx ends. Windows has no signal for it.
func sizes(ctx context.Context, f *os.File) <-chan kube.TerminalSize {
	out := make(chan kube.TerminalSize, 1)
	go func() {
		defer close(out)
		var last kube.TerminalSize
		for {
			if s, ok := size(f); ok && s != last {
				last = s
				select {
				case out <- s:
				case <-ctx.Done():
					return
				}
			}
			select {
			case <-time.After(500 * time.Millisecond):
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}
