package devsession

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/session"
)

// list shows the sessions of the namespace, everyone's.
func (k *Kind) list(ctx context.Context, p rpc.List) ([]rpc.Session, error) {
	if p.AllClusters {
		return k.everywhere(ctx, p.Caller), nil
	}
	v, err := k.registry.Visit(ctx, p.Caller)
	if err != nil {
		return nil, err
	}
	k.registry.News(ctx, v)
	c := v.Client
	listed, err := lease.List(ctx, c)
	if err != nil {
		return nil, err
	}
	now, err := c.Now(ctx)
	if err != nil {
		return nil, err
	}
	sessions := []rpc.Session{}
	for _, r := range listed.Records {
		view, err := k.registry.View(ctx, v, r, session.LocalOf(p.Caller), now)
		if err != nil {
			return nil, err
		}
		sessions = append(sessions, view)
	}
	for _, u := range listed.Unreadable {
		sessions = append(sessions, registry.Unreadable(c.Namespace, u))
	}
	return sessions, nil
}

// tellAbandoned tells who begins something of the sessions in the namespace that no one serves any more.
func (k *Kind) tellAbandoned(ctx context.Context, c *kube.Client, spec devmode.Spec) {
	listed, err := lease.List(ctx, c)
	now, clockErr := c.Now(ctx)
	if errors.Join(err, clockErr) != nil {
		return // what comes next says it better
	}
	for _, r := range listed.Records {
		if r.Abandoned(now) && (r.Workload != spec.Workload || r.Mode != spec.Mode) {
			text := fmt.Sprintf("%s was abandoned by %s, last heard of %s ago; "+
				"restore it with: nhctl dev end --abandoned %s",
				r.Workload, r.Holder, r.Silent(now).Round(time.Second), r.Workload.Argument())
			event.Sink(ctx)(event.Event{Type: event.Notice, Message: text})
		}
	}
}

// everywhere lists the sessions of this computer, in whatever cluster, from what is known here: no cluster has to
// answer.
func (k *Kind) everywhere(ctx context.Context, caller rpc.Caller) []rpc.Session {
	k.registry.Adopt(ctx, caller, session.VisitorOf(caller))
	sessions := k.registry.Views()
	slices.SortFunc(sessions, func(a, b rpc.Session) int {
		return strings.Compare(a.Context+"/"+a.Namespace+"/"+a.Workload, b.Context+"/"+b.Namespace+"/"+b.Workload)
	})
	return sessions
}
