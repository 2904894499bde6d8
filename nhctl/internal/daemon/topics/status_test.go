package topics

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/workload"
)

// follower is a kind with one session, whose pod and folder count something.
type follower struct {
	context context.Context
	end     context.CancelFunc
	looks   atomic.Int32
	files   atomic.Int32
	changed atomic.Pointer[func()]
}

func newFollower(t *testing.T) *follower {
	f := &follower{}
	f.context, f.end = context.WithCancel(t.Context())
	return f
}

func (f *follower) Watched(_ context.Context, target rpc.Target) (Watched, error) {
	if target.Workload != "web" || f.context.Err() != nil {
		return nil, problem.New(problem.NoSession, "it is not in dev mode")
	}
	return f, nil
}

func (f *follower) Custom(rpc.Caller) map[workload.Kind]string {
	return map[workload.Kind]string{"games.v1.example.org": "spec.pod"}
}

func (f *follower) ID() string               { return "0a1b2c3d" }
func (f *follower) Context() context.Context { return f.context }

func (f *follower) Status(context.Context) rpc.Session {
	f.looks.Add(1)
	return rpc.Session{ID: f.ID(), Pod: strconv.Itoa(int(f.files.Load()))}
}

func (f *follower) Synced(_ context.Context, container string) map[string]rpc.Synced {
	data := event.SyncData{Folder: "/src", Files: int(f.files.Load())}
	return map[string]rpc.Synced{"src": {SyncData: data, Session: f.ID(), Container: container}}
}

func (f *follower) Watch(changed func()) func() {
	f.changed.Store(&changed)
	return func() { f.changed.Store(nil) }
}

// change changes what the session would say, and tells, or does not, as in the pod.
func (f *follower) change(tell bool) {
	f.files.Add(1)
	if changed := f.changed.Load(); tell && changed != nil {
		(*changed)()
	}
}

func (s *stage) followSession(p rpc.Subscribe) *listener {
	return s.subscribe(func(ctx context.Context, _ visit) error { return s.session(ctx, p) }, visit{})
}

// A session's status comes at once when something here changes, within a second when something in the pod does, and at
// most ten times a second. All clients share the looks, and the subscriptions end with the session, which is an error.
func TestStatus(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, f := newStage(t), newFollower(t)
		s.Register(f)
		p := rpc.Subscribe{Topic: rpc.TopicStatus, Workload: "web"}
		l, other := s.followSession(p), s.followSession(p)
		update := func(files string, snapshot bool) rpc.Update {
			items := map[string]rpc.Session{f.ID(): {ID: f.ID(), Pod: files}}
			return rpc.Update{Topic: rpc.TopicStatus, Snapshot: snapshot, Status: items}
		}
		l.want(t, update("0", true))
		other.want(t, update("0", true))
		rest(inPod / 2)
		f.change(true)
		rest(pace)
		l.want(t, update("1", false))
		f.change(false)
		rest(inPod)
		l.want(t, update("2", false))

		before := f.looks.Load()
		for range 300 {
			f.change(true)
			rest(10 * time.Millisecond)
		}
		if looks, updates := f.looks.Load()-before, len(l.take()); looks > 32 || updates > 32 {
			t.Errorf("%d looks and %d updates in three seconds", looks, updates)
		}
		f.end()
		for _, l := range []*listener{l, other} {
			if err := <-l.ended; problem.From(err).Code != problem.NoSession {
				t.Errorf("the session's end: %v", err)
			}
		}
		if n := s.hub.Running(); n != 0 || f.changed.Load() != nil {
			t.Errorf("%d sources run on", n)
		}
	})
}

// Sync has its own topic, by folders; a session that does not exist can't be followed.
func TestSync(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, f := newStage(t), newFollower(t)
		s.Register(f)
		l := s.followSession(rpc.Subscribe{Topic: rpc.TopicSync, Workload: "web", Container: "app"})
		want := func(files int, snapshot bool) {
			t.Helper()
			items := map[string]rpc.Synced{"src": {
				SyncData:  event.SyncData{Folder: "/src", Files: files},
				Session:   f.ID(),
				Container: "app",
			}}
			l.want(t, rpc.Update{Topic: rpc.TopicSync, Snapshot: snapshot, Sync: items})
		}
		want(0, true)
		f.change(true)
		rest(inPod)
		want(1, false)
		l.leave()
		none := s.followSession(rpc.Subscribe{Topic: rpc.TopicSync, Workload: "cart"})
		if err := <-none.ended; problem.From(err).Code != problem.NoSession {
			t.Errorf("no session: %v", err)
		}
	})
}
