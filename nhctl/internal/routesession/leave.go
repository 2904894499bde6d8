package routesession

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/front"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// lastRequests is how long the last requests and streams have, when their route ends: as long as the front serves them.
const lastRequests = contract.DrainLimit * time.Second

// endLimit limits the end of a route in the cluster.
const endLimit = time.Minute

// leave ends routes. Here they always end. Where the cluster does not answer, the originals answer until any nhctl
// restores the Service.
func (k *Kind) leave(ctx context.Context, p rpc.Leave) (rpc.Ended, error) {
	ended := rpc.Ended{Sessions: []rpc.Session{}}
	if p.All || p.Session != "" {
		k.registry.Adopt(ctx, p.Caller, session.VisitorOf(p.Caller))
		if p.All {
			return k.endAll(ctx, registry.Of[*Session](k.registry))
		}
		s, err := registry.ByID[*Session](k.registry, p.Session, "route")
		if err != nil {
			return ended, err
		}
		return k.endAll(ctx, []*Session{s})
	}
	v, err := k.registry.Visit(ctx, p.Caller)
	if err != nil {
		return ended, err
	}
	k.registry.News(ctx, v)
	live, err := registry.Matching(ctx, k.registry, v, func(s *Session) bool {
		return p.Service == "" || s.record().Service == p.Service
	})
	if err != nil {
		return ended, err
	}
	if len(live) == 0 {
		return k.endUnknown(ctx, v.Client, p)
	}
	for _, s := range live {
		s.Renew(v.Client)
	}
	return k.endAll(ctx, live)
}

// endAll ends routes that this daemon serves.
func (k *Kind) endAll(ctx context.Context, live []*Session) (rpc.Ended, error) {
	ended := rpc.Ended{Sessions: []rpc.Session{}}
	for _, s := range live {
		view := s.View()
		if err := k.end(ctx, s); err != nil {
			return ended, fmt.Errorf("end the route of Service %s: %w", view.Route.Service, err)
		}
		ended.Sessions = append(ended.Sessions, view)
	}
	return ended, nil
}

func (k *Kind) end(ctx context.Context, s *Session) error {
	mine := s.record()
	release, err := k.registry.Reserve(work(mine))
	if err != nil {
		return err
	}
	defer release()
	s.SetLeaving(true)
	k.registry.Remove(s)
	s.unregister()
	limited, cancel := context.WithTimeout(ctx, endLimit)
	defer cancel()
	failed := takeDown(limited, s.Client(), mine)
	s.finish(limited)
	s.Stop()
	if failed != nil {
		text := fmt.Sprintf("Service %s in namespace %s could not be restored: %v; the originals answer, and the next "+
			"nhctl leave %s restores it", mine.Service, mine.Namespace, failed, mine.Service)
		event.Sink(ctx)(event.Event{Type: event.Notice, Session: mine.Session, Message: text})
	}
	return session.Remove(k.dirs, mine.Session)
}

// finish waits until the local process has answered what came before the route's end.
func (s *Session) finish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lastRequests)
	defer cancel()
	if n := s.connections(); n > 0 {
		event.Sink(ctx)(event.Event{
			Type:    event.Notice,
			Session: s.record().Session,
			Message: fmt.Sprintf("%d connections to your process are still open: they have up to %s", n, lastRequests),
		})
	}
	const pause = 20 * time.Millisecond
	for s.connections() > 0 && delay.For(ctx, pause) == nil {
	}
}

// endUnknown ends the caller's routes that this computer knows nothing of any more, and restores Services whose routes
// are gone.
func (k *Kind) endUnknown(ctx context.Context, c *kube.Client, p rpc.Leave) (rpc.Ended, error) {
	ended := rpc.Ended{Sessions: []rpc.Session{}}
	holder, err := session.HolderOf(ctx, c, p.Caller)
	if err != nil {
		return ended, err
	}
	all, err := lease.Routes(ctx, c)
	if err != nil {
		return ended, err
	}
	for _, r := range all {
		if r.Holder != holder || p.Service != "" && r.Service != p.Service {
			continue
		}
		if err := takeDown(ctx, c, r); err != nil {
			return ended, err
		}
		ended.Sessions = append(ended.Sessions, viewOf(r))
	}
	restored, err := restoreLeft(ctx, c, p.Service, all)
	if err != nil {
		return ended, err
	}
	for _, r := range restored {
		ended.Sessions = append(ended.Sessions, viewOf(r))
	}
	if len(ended.Sessions) == 0 {
		return ended, problem.New(problem.NoSession, "you have no route in namespace %s", c.Namespace).
			WithHint("`nhctl status` shows the sessions of this computer; choose a namespace with -n, or end all: " +
				"nhctl leave --all")
	}
	return ended, nil
}

// restoreLeft restores the Services that still lead to a front, although no route of theirs is alive: whoever's they
// were, their computers are gone. It returns what there was of each.
func restoreLeft(
	ctx context.Context, c *kube.Client, service string, known []record.Route,
) (restored []record.Route, err error) {
	now, err := c.Now(ctx)
	if err != nil {
		return nil, err
	}
	left, err := front.Left(ctx, c)
	if err != nil {
		return nil, err
	}
	for _, p := range left {
		alive := func(r record.Route) bool { return r.Front == p.ID && !r.Abandoned(now) }
		if p.Service == "" || service != "" && p.Service != service || slices.ContainsFunc(known, alive) {
			continue
		}
		r := record.Route{Namespace: p.Namespace, Service: p.Service, Front: p.ID}
		if err := takeDown(ctx, c, r); err != nil {
			return restored, err
		}
		restored = append(restored, r)
	}
	return restored, nil
}

// takeDown removes a route from its cluster: first the Lease, so that two who leave at once can't each wait for the
// other, and after the Service's last one its front. Those that were silent for long go with it.
func takeDown(ctx context.Context, c *kube.Client, r record.Route) error {
	if err := lease.Release(ctx, c, r); err != nil {
		return err
	}
	others, err := lease.Routes(ctx, c)
	if err != nil {
		return err
	}
	now, err := c.Now(ctx)
	if err != nil {
		return err
	}
	others = slices.DeleteFunc(others, func(o record.Route) bool { return o.Front != r.Front })
	if slices.ContainsFunc(others, func(o record.Route) bool { return !o.Abandoned(now) }) {
		return nil
	}
	if err := front.Lower(ctx, c, planOf(r)); err != nil {
		return err
	}
	for _, o := range others {
		if err := lease.Release(ctx, c, o); err != nil {
			return err
		}
	}
	return nil
}
