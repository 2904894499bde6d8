package devsession

import (
	"context"
	"fmt"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/session"
)

// over drops a session in the background: it is called by a part of the session, for which the session's end waits.
func (k *Kind) over(s *Session, why string) {
	k.registry.Go("drop a session", func(context.Context) { k.drop(s, why) })
}

// drop removes a session that the cluster no longer has, and says why at the next command.
func (k *Kind) drop(s *Session, why string) {
	r := s.record()
	if !k.registry.Over(s, registry.Ended{
		Session:   r.Session,
		Namespace: r.Namespace,
		Place:     r.Place,
		Workload:  r.Workload,
		Why:       why,
	}) {
		return
	}
	k.logger.Info("session is over", "session", r.Session, "why", why)
	s.Stop()
	if err := session.Remove(k.dirs, r.Session); err != nil {
		k.logger.Error("remove saved session", "error", err)
	}
}

// leaveLimit limits the end of a session that no one here asked for.
const leaveLimit = 3 * time.Minute

// leave ends a session in the background that someone else wants to end, or that can't go on. What fails is tried
// again at the next heartbeat.
func (k *Kind) leave(s *Session, why string) {
	k.registry.Go("leave a session", func(ctx context.Context) { k.leaveNow(ctx, s, why) })
}

func (k *Kind) leaveNow(ctx context.Context, s *Session, why string) {
	r := s.record()
	release, err := k.registry.Reserve(work(r.Place, r))
	if err != nil {
		return // a command is at work on it
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, leaveLimit)
	defer cancel()
	s.SetLeaving(true)
	deps := devmode.Deps{Cluster: s.Client(), Link: s, Emit: s.Emit}
	if err := devmode.Leave(ctx, deps, r, devmode.LeaveOptions{}); err != nil {
		s.SetLeaving(false)
		s.Note(fmt.Sprintf("%s; the session does not end yet: %v", why, err))
		k.logger.Error("leave", "session", r.Session, "why", why, "error", err)
		return
	}
	k.drop(s, why)
}
