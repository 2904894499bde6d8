package topics

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/subscription"
	"github.com/nhctl/nhctl/nhctl/internal/session"
)

// askedEvery is how often the far ends of all sessions are asked how they are, once for all clients.
const askedEvery = 2 * time.Second

// overviewNow answers with the sessions of this computer, of every kind, in the order of their clusters.
func (t *Topics) overviewNow(ctx context.Context, p rpc.Overview) ([]rpc.Session, error) {
	t.registry.Adopt(ctx, p.Caller, session.VisitorOf(p.Caller))
	all := slices.AppendSeq([]rpc.Session{}, maps.Values(t.registry.Overview(ctx)))
	slices.SortFunc(all, func(a, b rpc.Session) int {
		return slices.Compare([]string{a.Context, a.Namespace, a.Kind, a.Workload, a.ID},
			[]string{b.Context, b.Namespace, b.Kind, b.Workload, b.ID})
	})
	return all, nil
}

// overview follows the same.
func (t *Topics) overview(ctx context.Context, caller rpc.Caller) error {
	t.registry.Adopt(ctx, caller, session.VisitorOf(caller))
	return follow(ctx, t, source[rpc.Session]{
		topic: rpc.TopicOverview,
		key:   strings.Join([]string{"this computer's", string(rpc.TopicOverview)}, " "),
		run: func(ctx context.Context, s *subscription.State[rpc.Session]) {
			changed := newSignal()
			defer t.registry.Watch(changed.raise)()
			refresh(ctx, changed, askedEvery, func() {
				if items := t.registry.Overview(ctx); ctx.Err() == nil {
					s.Set(items, nil)
				}
			})
		},
		put: func(u *rpc.Update, items map[string]rpc.Session) { u.Overview = items },
	})
}
