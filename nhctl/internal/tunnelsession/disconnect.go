package tunnelsession

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/gateway"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
)

// endLimit limits the end of a tunnel in the cluster.
const endLimit = 30 * time.Second

// disconnect ends tunnels. Here they always end. Where the cluster does not answer, the gateway ends by itself, and
// takes along what belongs to it.
func (k *Kind) disconnect(ctx context.Context, p rpc.Disconnect) (rpc.Ended, error) {
	ended := rpc.Ended{Sessions: []rpc.Session{}}
	if p.All || p.Session != "" {
		k.registry.Adopt(ctx, p.Caller, session.VisitorOf(p.Caller))
		if p.All {
			return k.endAll(ctx, registry.Of[*Session](k.registry))
		}
		s, err := registry.ByID[*Session](k.registry, p.Session, "tunnel")
		if err != nil {
			return ended, err
		}
		return k.endAll(ctx, []*Session{s})
	}
	v, err := k.registry.Visit(ctx, p.Caller)
	if err != nil {
		return ended, err
	}
	ref, err := refOf(p.Workload)
	if err != nil {
		return ended, err
	}
	meant := func(r record.Tunnel) bool { return p.Workload == "" || r.Workload == ref }
	k.registry.News(ctx, v)
	live, err := registry.Matching(ctx, k.registry, v, func(s *Session) bool { return meant(s.record()) })
	if err != nil {
		return ended, err
	}
	if len(live) > 0 {
		for _, s := range live {
			s.Renew(v.Client)
		}
		return k.endAll(ctx, live)
	}
	return k.endUnknown(ctx, v.Client, p.Caller, meant)
}

// endAll ends tunnels that this daemon serves.
func (k *Kind) endAll(ctx context.Context, live []*Session) (rpc.Ended, error) {
	ended := rpc.Ended{Sessions: []rpc.Session{}}
	for _, s := range live {
		view := s.View()
		if err := k.end(ctx, s); err != nil {
			return ended, fmt.Errorf("end %s: %w", what(s.record()), err)
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
	s.Stop()
	limited, cancel := context.WithTimeout(ctx, endLimit)
	defer cancel()
	if err := takeDown(limited, s.Client(), mine); err != nil {
		text := fmt.Sprintf("the gateway in namespace %s could not be removed: %v; it ends by itself within "+
			"10 minutes, and what belongs to it goes with it", mine.Namespace, err)
		event.Sink(ctx)(event.Event{Type: event.Notice, Session: mine.Session, Message: text})
	}
	return session.Remove(k.dirs, mine.Session)
}

// endUnknown ends the caller's tunnels that this computer knows nothing of any more.
func (k *Kind) endUnknown(
	ctx context.Context, c *kube.Client, caller rpc.Caller, meant func(record.Tunnel) bool,
) (rpc.Ended, error) {
	ended := rpc.Ended{Sessions: []rpc.Session{}}
	holder, err := session.HolderOf(ctx, c, caller)
	if err != nil {
		return ended, err
	}
	found, err := lease.Tunnels(ctx, c, holder)
	if err != nil {
		return ended, err
	}
	for _, r := range slices.DeleteFunc(found, func(r record.Tunnel) bool { return !meant(r) }) {
		if err := takeDown(ctx, c, r); err != nil {
			return ended, err
		}
		ended.Sessions = append(ended.Sessions, session.ViewOfTunnel(r))
	}
	if len(ended.Sessions) == 0 {
		return ended, problem.New(problem.NoSession, "you are not connected to namespace %s", c.Namespace).
			WithHint("`nhctl status` shows the sessions of this computer; choose a namespace with -n, or end all: " +
				"nhctl disconnect --all")
	}
	return ended, nil
}

// takeDown removes a tunnel from its cluster: the gateway, and last the Lease, in which it can be found.
func takeDown(ctx context.Context, c *kube.Client, r record.Tunnel) error {
	if err := gateway.Remove(ctx, c, r, nil); err != nil {
		return fmt.Errorf("remove the gateway: %w", err)
	}
	return lease.Release(ctx, c, r)
}
