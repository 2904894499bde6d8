package routesession

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/front"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
)

// look is one heartbeat. It says whether there is more to look at.
func (s *Session) look(ctx context.Context) bool {
	over := s.lookFor(ctx)
	if over != "" {
		s.kind.registry.Go("drop a route", func(context.Context) { s.kind.drop(s, over) })
	}
	return over == ""
}

// lookFor renews the Lease, and looks whether the Service still leads to the front. It says why, when the route is
// over.
func (s *Session) lookFor(ctx context.Context) (over string) {
	c, mine := s.Client(), s.record()
	found, there, err := lease.Route(ctx, c, mine)
	switch {
	case s.Leaving():
		return ""
	case errors.Is(err, record.ErrOtherKind):
		return fmt.Sprintf("its Lease %s is of another kind of session", mine.Lease())
	case err != nil:
		s.Logger.Warn("heartbeat", "error", err)
		return ""
	case there && found.Session != mine.Session:
		return found.Holder.String() + " has taken it over"
	case !there:
		return s.missing(ctx, mine)
	}
	if err := lease.Renew(ctx, c, mine); err != nil {
		s.Logger.Warn("heartbeat", "error", err)
	}
	if !mine.Until.IsZero() {
		if now, err := c.Now(ctx); err == nil && mine.Over(now) {
			return "its lifetime is over"
		}
	}
	by, err := front.Changed(ctx, c, planOf(mine))
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

// missing says why a route is over whose Lease is gone, if it is.
func (s *Session) missing(ctx context.Context, mine record.Route) (over string) {
	own, err := session.Gone(ctx, s.Client(), mine.Place)
	if errors.Is(err, session.ErrElsewhere) {
		s.Note(err.Error() + " than the route's: it goes on once its own answers there")
	}
	if err != nil || !own {
		s.Logger.Warn("heartbeat", "error", err)
		return ""
	}
	return "someone has ended it"
}

// drop ends a route that can't go on, and tells its developer at their next command. Whoever has changed the Service
// wins: it is left as it is, and what nhctl has made goes.
func (k *Kind) drop(s *Session, why string) {
	mine := s.record()
	ended := registry.Ended{
		Session:   mine.Session,
		Namespace: mine.Namespace,
		Place:     mine.Place,
		What:      "the route of Service " + mine.Service,
		Why:       why,
	}
	if !k.registry.Over(s, ended) {
		return
	}
	k.logger.Info("route is over", "session", mine.Session, "why", why)
	s.unregister()
	s.Stop()
	k.clear(context.WithoutCancel(s.Context()), s.Client(), mine)
}
