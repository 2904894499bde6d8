package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/record"
)

// lookLimit limits one look at the cluster.
const lookLimit = 10 * time.Second

// beat renews the session's Lease and looks at what others did, until the session is over.
func (s *session) beat() {
	tick := time.NewTicker(record.Beat)
	defer tick.Stop()
	for {
		if over := s.look(s.context); over != "" {
			go s.owner.over(s, over)
			return
		}
		select {
		case <-s.context.Done():
			return
		case <-tick.C:
		}
	}
}

// watch looks at once when somebody touches the original. Where that can't be watched, the heartbeat sees it.
func (s *session) watch() {
	for s.context.Err() == nil && s.record().Mode == rpc.Replace {
		devmode.Watch(s.context, s.client(), s.record(), func() { s.mind(s.record()) })
		select {
		case <-s.context.Done():
		case <-time.After(record.Beat):
		}
	}
}

// look renews the Lease. It says why, when the cluster no longer has the session.
func (s *session) look(ctx context.Context) (over string) {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	r, there, err := devmode.Lookup(ctx, s.client(), s.record())
	switch {
	case err != nil:
		s.logger.Warn("heartbeat", "error", err)
		return ""
	case !there && s.isLeaving():
		return "" // it is our own doing
	case !there:
		gone, err := s.gone(ctx)
		if gone {
			return endedBy(r, s.record())
		}
		if errors.Is(err, errElsewhere) {
			s.note(err.Error() + " than the session's: it goes on once its own answers there")
		}
		s.logger.Warn("heartbeat", "error", err)
		return ""
	}
	if err := devmode.Heartbeat(ctx, s.client(), r); err != nil {
		s.logger.Warn("heartbeat", "error", err)
	}
	mine := s.record()
	if r.Wanted != nil {
		go s.owner.leave(s, fmt.Sprintf("%s took it over; your files are in %s", r.Wanted.By, mine.Folder))
		return ""
	}
	if r.Phase != record.Active { // its end was begun elsewhere
		mine.Phase = r.Phase
	}
	s.mind(mine)
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

// mind looks at the original, and steps back when somebody brings it up again: the twin leaves the Services, the session goes on beside
// it. A session whose original is gone ends.
func (s *session) mind(r devmode.Record) {
	if r.Mode != rpc.Replace || r.Phase != record.Active || s.isLeaving() {
		return
	}
	s.minding.Lock()
	defer s.minding.Unlock()
	ctx, cancel := context.WithTimeout(s.context, lookLimit)
	defer cancel()
	change, err := devmode.Drift(ctx, s.client(), r)
	switch {
	case s.isLeaving(): // it is our own doing
	case err != nil:
		s.logger.Warn("look at the original", "error", err)
	case change.Lost:
		go s.owner.leave(s, change.Text+"; your files are in "+r.Folder)
	case change.Freed:
		s.note(change.Text + "; the twin gets no Service traffic any more, the session goes on beside it. End it and start again to take the traffic back" + change.Hint)
		if s.aside {
			return
		}
		if err := devmode.StepAside(ctx, devmode.Deps{Cluster: s.client(), Link: s, Emit: s.emit}, r); err != nil {
			s.logger.Error("step back from the Services", "error", err)
			return
		}
		s.aside = true
	case change.Text != "":
		s.note(change.Text)
	}
}

func (s *session) setLeaving(leaving bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = leaving
}

func (s *session) isLeaving() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leaving
}
