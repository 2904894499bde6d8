package routesession

import (
	"context"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/front"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/record"
)

// lost says why a route is over whose Lease another one has.
func lost(found record.Route) string { return found.Holder.String() + " has taken it over" }

// gone says why a route is over whose Lease is gone.
func (s *Session) gone(context.Context) (over string) { return "someone has ended it" }

// changed says who leads the Service elsewhere than to the front by now. Whoever has changed it wins: the Service is
// left as it is, and what nhctl has made goes.
func (s *Session) changed(ctx context.Context) (over string) {
	mine := s.record()
	if !mine.Until.IsZero() {
		if now, err := s.Client().Now(ctx); err == nil && mine.Over(now) {
			return "its lifetime is over"
		}
	}
	by, err := front.Changed(ctx, s.Client(), planOf(mine))
	if err != nil {
		s.Logger.Warn("heartbeat", "error", err)
	}
	return by
}

// extend has the route last until another time; its Lease says so to everyone.
func (s *Session) extend(ctx context.Context, until time.Time) error {
	if until.IsZero() && s.record().Until.IsZero() {
		return nil
	}
	if err := s.document.Edit(func(kept *saved) { kept.Record.Until = until }); err != nil {
		return err
	}
	return lease.Update(ctx, s.Client(), s.record())
}
