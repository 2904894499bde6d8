package routesession

import (
	"context"

	"github.com/nhctl/nhctl/nhctl/internal/front"
	"github.com/nhctl/nhctl/nhctl/internal/record"
)

// lost says why a route is over whose Lease another one has.
func lost(found record.Route) string { return found.Holder.String() + " has taken it over" }

// gone says why a route is over whose Lease is gone.
func (s *Session) gone(context.Context) (over string) { return "someone has ended it" }

// changed says who leads the Service elsewhere than to the front by now. Whoever has changed it wins: the Service is
// left as it is, and what nhctl has made goes.
func (s *Session) changed(ctx context.Context) (over string) {
	by, err := front.Changed(ctx, s.Client(), planOf(s.record()))
	if err != nil {
		s.Logger.Warn("heartbeat", "error", err)
	}
	return by
}
