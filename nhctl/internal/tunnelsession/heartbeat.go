package tunnelsession

import (
	"context"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/record"
)

// lost says why a tunnel is over whose Lease another one has.
func lost(record.Tunnel) string {
	return "another nhctl of yours on this computer has connected to the namespace"
}

// gone says why a tunnel is over whose Lease is gone, if it is. While this computer was away, the Lease may have gone
// with the gateway: then it comes back with the next one.
func (s *Session) gone(ctx context.Context) (over string) {
	c, mine := s.Client(), s.record()
	place, err := c.Place(ctx)
	if err == nil && !place.Same(mine.Place) {
		return "namespace " + mine.Namespace + " was deleted and created again"
	}
	if err := s.keeper.Hold(ctx, c, mine); err != nil {
		s.Logger.Warn("heartbeat", "error", err)
	}
	return ""
}

// changed is never: a tunnel with its Lease goes on.
func (s *Session) changed(context.Context) (over string) { return "" }

// letGo leaves the cluster as it is: the Lease is another tunnel's, and the gateway ends by itself.
func letGo(context.Context, *kube.Client, record.Tunnel) error { return nil }
