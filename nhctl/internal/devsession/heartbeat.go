package devsession

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
)

// watch looks at once when someone changes the original. Where that can't be watched, the heartbeat sees it.
func (s *Session) watch() {
	for s.Context().Err() == nil && s.record().Mode == record.Replace {
		devmode.Watch(s.Context(), s.Client(), s.record(), func() { s.checkOriginal(s.record()) })
		_ = delay.For(s.Context(), record.Beat)
	}
}

// look is one heartbeat. It says whether there is more to look at.
func (s *Session) look(ctx context.Context) bool {
	over := s.lookFor(ctx)
	if over != "" {
		s.owner.over(s, over)
	}
	return over == ""
}

// lookFor renews the Lease and looks at what others did. It says why, when the cluster no longer has the session.
func (s *Session) lookFor(ctx context.Context) (over string) {
	r, there, err := lease.Lookup(ctx, s.Client(), s.record())
	switch {
	case err != nil:
		s.Logger.Warn("heartbeat", "error", err)
		return ""
	case !there:
		return s.missing(ctx, r)
	}
	s.Answered()
	if err := lease.Renew(ctx, s.Client(), r); err != nil {
		s.Logger.Warn("heartbeat", "error", err)
	}
	mine := s.record()
	if r.Wanted != nil {
		s.owner.leave(s, fmt.Sprintf("%s took it over; your files are in %s", r.Wanted.By, mine.Folder))
		return ""
	}
	if r.NewerWanted > 0 {
		s.Note(fmt.Sprintf("someone asks for %s with a newer nhctl (request of format %d, this one reads up to %d): "+
			"install their version, or end dev mode yourself: nhctl dev end %s",
			mine.Workload, r.NewerWanted, record.WantedVersion, mine.Workload.Argument()))
	}
	if r.Phase != record.Active { // its end was begun elsewhere
		mine.Phase = r.Phase
	}
	s.checkOriginal(mine)
	return ""
}

// missing says why a session is over that has no Lease, if it is.
func (s *Session) missing(ctx context.Context, now devmode.Record) (over string) {
	if s.Leaving() {
		return "" // it is our own doing
	}
	gone, err := session.Gone(ctx, s.Client(), s.record().Place)
	if gone {
		return endedBy(now, s.record())
	}
	if errors.Is(err, session.ErrElsewhere) {
		s.Note(err.Error() + " than the session's: it goes on once its own answers there")
	}
	s.Logger.Warn("heartbeat", "error", err)
	return ""
}

// endedBy says who ended a session: the one that has the workload now may have kept what only the pod had.
func endedBy(now, mine devmode.Record) string {
	if now.TookOver == nil || now.TookOver.Session != mine.Session {
		return "the session was ended from elsewhere"
	}
	why := now.Holder.String() + " took it over"
	if now.TookOver.Kept != "" {
		why += fmt.Sprintf(", and has what was in the pod in %s of %s", now.TookOver.Kept, now.Holder.Local)
	}
	return why + "; your files are in " + mine.Folder
}

// checkLimit limits one check of the original.
const checkLimit = 10 * time.Second

// checkOriginal steps back when someone starts the original again: the twin leaves the Services, and the session goes
// on without their traffic. A session whose original is gone ends.
func (s *Session) checkOriginal(r devmode.Record) {
	if r.Mode != record.Replace || r.Phase != record.Active || s.Leaving() {
		return
	}
	s.checking.Lock()
	defer s.checking.Unlock()
	ctx, cancel := context.WithTimeout(s.Context(), checkLimit)
	defer cancel()
	change, err := devmode.Drift(ctx, s.Client(), r)
	switch {
	case s.Leaving(): // it is our own doing
	case err != nil:
		s.Logger.Warn("look at the original", "error", err)
	case change.Lost:
		s.owner.leave(s, change.Text+"; your files are in "+r.Folder)
	case change.Freed:
		s.Note(change.Text + "; the twin gets no Service traffic any more, the session goes on next to it. " +
			"End it and start again to take the traffic back" + change.Hint)
		s.stepAside(ctx, r)
	case change.Text != "":
		s.Note(change.Text)
	}
}

// stepAside takes the twin out of the Services, once.
func (s *Session) stepAside(ctx context.Context, r devmode.Record) {
	if s.aside {
		return
	}
	if err := devmode.StepAside(ctx, devmode.Deps{Cluster: s.Client(), Link: s, Emit: s.Emit}, r); err != nil {
		s.Logger.Error("step back from the Services", "error", err)
		return
	}
	s.aside = true
}
