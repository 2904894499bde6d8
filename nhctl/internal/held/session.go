package held

import (
	"context"
	"errors"
	"fmt"

	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
)

// Session is the common part of a live session. A kind embeds it, and completes it to a Live.
type Session[R Record[R]] struct {
	*session.Session
	// Kind is the session's, Record its record as it is now.
	Kind   *Kind[R]
	Record func() R
	// Lead keeps on this computer which kubeconfig leads to the session.
	Lead func(*kube.Client) error
	// Gone says why the session is over whose Lease its own cluster lacks, Changed why it is over with its Lease; empty
	// where it is not.
	Gone, Changed func(context.Context) (over string)
}

// Home is where the session lives.
func (s *Session[R]) Home() (string, record.Place) { return s.Record().Home() }

// Renew takes the credentials of a newer call, and lets the lines try again at once.
func (s *Session[R]) Renew(c *kube.Client) {
	if s.SetClient(c) { // the same place by another address: the next daemon is to find it too
		if err := s.Lead(c); err != nil {
			s.Logger.Error("keep where the "+s.Kind.Noun+" is", "error", err)
		}
	}
	s.Wake()
}

// Beat is the heartbeat of a live session, which embeds this one, until it is over.
func (s *Session[R]) Beat(live Live) {
	s.Heartbeat(func(ctx context.Context) (goOn bool) {
		over := live.LookFor(ctx)
		if over != "" {
			s.Kind.Registry.Go("drop a "+s.Kind.Noun, func(context.Context) { s.Kind.Drop(live, s.Record(), over) })
		}
		return over == ""
	})
}

// LookFor renews the Lease, and looks what others have done. It says why, when the session is over.
func (s *Session[R]) LookFor(ctx context.Context) (over string) {
	c, mine := s.Client(), s.Record()
	found, there, err := s.Kind.Find(ctx, c, mine)
	own := mine.Claim()
	switch {
	case s.Leaving(): // it is our own doing
		return ""
	case errors.Is(err, record.ErrOtherKind):
		return fmt.Sprintf("its Lease %s is of another kind of session", own.Name)
	case err != nil:
		s.Logger.Warn("heartbeat", "error", err)
		return ""
	case there && found.Claim().Session != own.Session:
		return s.Kind.Lost(found)
	case !there:
		return s.missing(ctx)
	}
	s.Answered()
	if err := lease.Renew(ctx, c, mine); err != nil {
		s.Logger.Warn("heartbeat", "error", err)
	}
	return s.Changed(ctx)
}

// missing says why the session is over whose Lease is not where its client leads, if it is.
func (s *Session[R]) missing(ctx context.Context) (over string) {
	_, place := s.Home()
	own, err := session.Gone(ctx, s.Client(), place)
	if errors.Is(err, session.ErrElsewhere) {
		s.Note(err.Error() + " than the " + s.Kind.Noun + "'s: it goes on once its own answers there")
	}
	if err != nil || !own {
		s.Logger.Warn("heartbeat", "error", err)
		return ""
	}
	return s.Gone(ctx)
}
