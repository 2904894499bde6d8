package topics

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/subscription"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// Kind is a kind of sessions, as far as topics need it.
type Kind interface {
	// Custom are the kinds of custom resources that the caller's config names, with the places of their pod templates.
	Custom(rpc.Caller) map[workload.Kind]string
	// Watched finds the session that a call means; problem.NoSession where there is none.
	Watched(context.Context, rpc.Target) (Watched, error)
}

// Watched is a session whose status is followed.
type Watched interface {
	ID() string
	// Context ends with the session.
	Context() context.Context
	// Status is all that is known of the session, here and in its pod.
	Status(context.Context) rpc.Session
	// Synced are its synced folders by their ids: of one container, or all.
	Synced(ctx context.Context, container string) map[string]rpc.Synced
	// Watch has a function called whenever one of these may have changed here, until stop is called.
	Watch(changed func()) (stop func())
}

// Register lets sessions of a kind be followed.
func (t *Topics) Register(k Kind) { t.kinds = append(t.kinds, k) }

// inPod is how often the pod is asked what has changed there. Sync's engine on this computer and the session's own
// parts tell at once when something happens. The sidecar and the supervisor only answer: a program that ends or starts
// again by itself, and what sync found wrong in the pod, are seen by asking, once for all clients.
const inPod = time.Second

// session follows the status of one session, or its sync, and ends with the session.
func (t *Topics) session(ctx context.Context, p rpc.Subscribe) error {
	target := p.Target()
	if p.Topic == rpc.TopicStatus {
		target.Container = "" // a status has all containers
	}
	s, err := t.watched(ctx, target)
	if err != nil {
		return err
	}
	following, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.Context(), cancel)()
	if p.Topic == rpc.TopicStatus {
		err = follow(following, t, status(s))
	} else {
		err = follow(following, t, synced(s, p.Container))
	}
	if s.Context().Err() == nil || ctx.Err() != nil {
		return err
	}
	if _, gone := t.watched(ctx, target); gone != nil {
		return gone // it says why
	}
	return problem.New(problem.NoSession, "session %s has ended", s.ID()).WithHint("subscribe again for the next one")
}

// watched is the session that a call means, of whichever kind.
func (t *Topics) watched(ctx context.Context, target rpc.Target) (Watched, error) {
	var none error // the first kind's, which knows workloads
	for _, k := range t.kinds {
		s, err := k.Watched(ctx, target)
		if err == nil {
			return s, nil
		}
		if p := new(problem.Error); !errors.As(err, &p) || p.Code != problem.NoSession {
			return nil, err
		}
		if none == nil {
			none = err
		}
	}
	if none == nil {
		none = problem.New(problem.Usage, "this daemon has no sessions whose status can be followed")
	}
	return nil, none
}

// status is the source of a session's status.
func status(s Watched) source[rpc.Session] {
	return source[rpc.Session]{
		topic: rpc.TopicStatus,
		key:   strings.Join([]string{string(rpc.TopicStatus), s.ID()}, "\x00"),
		run: looking(s, func(ctx context.Context) map[string]rpc.Session {
			return map[string]rpc.Session{s.ID(): s.Status(ctx)}
		}),
		put: func(u *rpc.Update, items map[string]rpc.Session) { u.Status = items },
	}
}

// synced is the source of a session's sync.
func synced(s Watched, container string) source[rpc.Synced] {
	return source[rpc.Synced]{
		topic: rpc.TopicSync,
		key:   strings.Join([]string{string(rpc.TopicSync), s.ID(), container}, "\x00"),
		run: looking(s, func(ctx context.Context) map[string]rpc.Synced {
			return s.Synced(ctx, container)
		}),
		put: func(u *rpc.Update, items map[string]rpc.Synced) { u.Sync = items },
	}
}

// looking sets items by a look at the session, whenever that may have changed.
func looking[T any](
	s Watched, look func(context.Context) map[string]T,
) func(context.Context, *subscription.State[T]) {
	return func(ctx context.Context, state *subscription.State[T]) {
		changed := newSignal()
		defer s.Watch(changed.raise)()
		refresh(ctx, changed, inPod, func() {
			if items := look(ctx); ctx.Err() == nil { // one that was cut short has gaps
				state.Set(items, nil)
			}
		})
	}
}
