package tunnelsession

import (
	"context"
	"errors"
	"fmt"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
)

// look is one heartbeat. It says whether there is more to look at.
func (s *Session) look(ctx context.Context) bool {
	over := s.lookFor(ctx)
	if over != "" {
		s.kind.registry.Go("drop a tunnel", func(context.Context) { s.kind.drop(s, over) })
	}
	return over == ""
}

// lookFor renews the Lease. It says why, when the tunnel is over.
func (s *Session) lookFor(ctx context.Context) (over string) {
	c, mine := s.Client(), s.record()
	found, there, err := lease.Tunnel(ctx, c, mine)
	switch {
	case errors.Is(err, record.ErrOtherKind):
		return fmt.Sprintf("its Lease %s is of another kind of session", mine.Lease())
	case err != nil:
		s.Logger.Warn("heartbeat", "error", err)
		return ""
	case there && found.Session != mine.Session:
		return "another nhctl of yours on this computer has connected to the namespace"
	case !there:
		return s.missing(ctx, mine)
	}
	if err := lease.Renew(ctx, c, mine); err != nil {
		s.Logger.Warn("heartbeat", "error", err)
	}
	return ""
}

// missing says why a tunnel is over whose Lease is gone, if it is. While this computer was away, the Lease may have
// gone with the gateway: then it comes back with the next one.
func (s *Session) missing(ctx context.Context, mine record.Tunnel) (over string) {
	if s.Leaving() {
		return ""
	}
	c := s.Client()
	own, err := session.Gone(ctx, c, mine.Place)
	if errors.Is(err, session.ErrElsewhere) {
		s.Note(err.Error() + " than the tunnel's: it goes on once its own answers there")
	}
	if err != nil || !own {
		s.Logger.Warn("heartbeat", "error", err)
		return ""
	}
	place, err := c.Place(ctx)
	if err == nil && !place.Same(mine.Place) {
		return "namespace " + mine.Namespace + " was deleted and created again"
	}
	if err := s.keeper.Hold(ctx, c, mine); err != nil {
		s.Logger.Warn("heartbeat", "error", err)
	}
	return ""
}

// drop ends a tunnel that can't go on, and tells its developer at their next command.
func (k *Kind) drop(s *Session, why string) {
	mine := s.record()
	ended := registry.Ended{
		Session:   mine.Session,
		Namespace: mine.Namespace,
		Place:     mine.Place,
		What:      what(mine.Namespace, mine.Workload),
		Why:       why,
	}
	if !k.registry.Over(s, ended) {
		return
	}
	k.logger.Info("tunnel is over", "session", mine.Session, "why", why)
	s.Stop()
	if err := session.Remove(k.dirs, mine.Session); err != nil {
		k.logger.Error("remove saved tunnel", "error", err)
	}
}
