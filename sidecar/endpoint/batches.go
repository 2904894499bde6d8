package endpoint

import (
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/supervise"
)

func (e *Endpoint) dialSupervisor(container string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", e.path(contract.SupervisorSocket(container)))
	}
}

func (e *Endpoint) supervisor(container string) *supervise.Client {
	return supervise.NewClient(e.dialSupervisor(container))
}

// batches carries the times of synced batches from the engine, which must not wait, to the supervisor. Only the last
// one counts.
type batches struct{ times chan time.Time }

func newBatches() batches { return batches{times: make(chan time.Time, 1)} }

// add is called by one goroutine only.
func (b batches) add(at time.Time) {
	select {
	case <-b.times:
	default:
	}
	b.times <- at
}

// tellLimit limits how long a supervisor, that is in the same pod, may take to answer.
const tellLimit = 5 * time.Second

// tell tells the supervisor of each batch, until ctx ends.
func (b batches) tell(ctx context.Context, logger *slog.Logger, s *supervise.Client) {
	for {
		select {
		case <-ctx.Done():
			return
		case at := <-b.times:
			limited, cancel := context.WithTimeout(ctx, tellLimit)
			if err := s.Changed(limited, at); err != nil && ctx.Err() == nil {
				logger.Warn("tell the supervisor of changes", "error", err)
			}
			cancel()
		}
	}
}
