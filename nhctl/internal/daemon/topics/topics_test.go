package topics

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/dispatch"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
)

// stage is a cluster, and a daemon's topics.
type stage struct {
	*kubetest.Cluster
	t *testing.T
	*Topics

	mu       sync.Mutex
	requests map[string]int // by verb and resource
}

func newStage(t *testing.T) *stage {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(io.Discard, nil))
	dirs := userdirs.Dirs{State: t.TempDir()}
	s := &stage{
		Cluster:  kubetest.New([]string{"shop", "staging"}),
		t:        t,
		Topics:   New(logger, registry.New(dirs, logger)),
		requests: map[string]int{},
	}
	s.watch = func([]string, signal) func() { return func() {} }
	s.Inject(func(q kubetest.Request) kubetest.Fault {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.requests[q.Verb+" "+q.Resource]++
		return kubetest.None
	})
	return s
}

// asked is how often a verb of a resource was asked for.
func (s *stage) asked(request string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[request]
}

// visit is a user's, from a computer of their own.
func (s *stage) visit(user string) visit {
	return visit{client: s.Client(s.t, user, "shop"), local: user + "@laptop"}
}

// listener is a client that keeps what it hears.
type listener struct {
	cancel context.CancelFunc
	ended  chan error

	mu      sync.Mutex
	updates []rpc.Update
}

// take returns what the listener has heard since the last time.
func (l *listener) take() []rpc.Update {
	l.mu.Lock()
	defer l.mu.Unlock()
	updates := l.updates
	l.updates = nil
	return updates
}

// subscribe begins a subscription, and waits until everyone rests.
func (s *stage) subscribe(follow func(context.Context, visit) error, v visit) *listener {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	l := &listener{cancel: cancel, ended: make(chan error, 1)}
	ctx = dispatch.WithUpdates(ctx, func(u rpc.Update) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.updates = append(l.updates, u)
		return nil
	})
	go func() { l.ended <- follow(ctx, v) }()
	rest(time.Second)
	return l
}

// leave ends the subscription.
func (l *listener) leave() {
	l.cancel()
	<-l.ended
}

// rest lets a time pass, and then everyone come to rest.
func rest(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// want compares what the listener has heard since the last time.
func (l *listener) want(t *testing.T, want ...rpc.Update) {
	t.Helper()
	options := cmp.Options{cmpopts.EquateEmpty(), cmpopts.IgnoreFields(problem.Error{}, "Cause", "Message", "Hint")}
	if diff := cmp.Diff(want, l.take(), options); diff != "" {
		t.Errorf("updates (-want +got):\n%s", diff)
	}
}

// Clients of one user share their watches, which end with the last; another user has their own.
func TestShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		watches := func(want int) {
			t.Helper()
			s.mu.Lock()
			defer s.mu.Unlock()
			for verb, n := range s.requests {
				if n != want {
					t.Errorf("%s: %d requests, want %d", verb, n, want)
				}
			}
			if len(s.requests) != 2*9 { // seven kinds, Services, Leases
				t.Errorf("requests: %v", s.requests)
			}
		}
		first := s.subscribe(s.workloads, s.visit("ada"))
		second := s.subscribe(s.workloads, s.visit("ada"))
		watches(1)
		other := s.subscribe(s.workloads, s.visit("bob"))
		watches(2)
		if n := s.hub.Running(); n != 2 {
			t.Errorf("%d sources run", n)
		}
		for _, l := range []*listener{first, second, other} {
			l.leave()
		}
		if n := s.hub.Running(); n != 0 {
			t.Errorf("%d sources run on", n)
		}
		s.Add(deployment("web", "1"))
		rest(time.Hour)
		watches(2)
	})
}

// What can't be subscribed to is refused, with what can.
func TestUnknownTopic(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	_, err := s.Topics.subscribe(t.Context(), rpc.Subscribe{Topic: "moons"})
	if p := problem.From(err); p.Code != problem.Usage || p.Hint == "" {
		t.Errorf("%+v", p)
	}
}

// However much happens, a client gets at most ten messages a second, and in the end what is.
func TestBusyNamespace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		l := s.subscribe(s.workloads, s.visit("ada"))
		l.want(t, rpc.Update{Topic: rpc.TopicWorkloads, Snapshot: true})
		for i := range 300 {
			s.Add(deployment(fmt.Sprint("web-", i), "1"))
			rest(10 * time.Millisecond)
		}
		rest(time.Second)
		updates := l.take()
		if n := len(updates); n > 32 {
			t.Errorf("%d updates in three seconds", n)
		}
		items := map[string]rpc.Workload{}
		for _, u := range updates {
			rpc.Fold(items, u, u.Workloads)
		}
		if len(items) != 300 {
			t.Errorf("%d items", len(items))
		}
		l.leave()
	})
}
