package topics

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/record"
)

// live is a session that this daemon serves.
type live struct {
	changed  func()
	forwards []event.ForwardData
	link     event.LinkData
}

func (l *live) ID() string                    { return "0a1b2c3d" }
func (l *live) Home() (string, record.Place)  { return "shop", record.Place{} }
func (l *live) Client() *kube.Client          { return &kube.Client{} }
func (l *live) Notices() []string             { return nil }
func (l *live) Forwards() []event.ForwardData { return l.forwards }
func (l *live) OnChange(changed func())       { l.changed = changed }
func (l *live) Stop()                         {}
func (l *live) View() rpc.Session {
	return rpc.Session{ID: l.ID(), Namespace: "shop", Workload: "deployment/web", Link: &l.link}
}
func (l *live) Status(context.Context) rpc.Session { return l.View() }

// asked is a session whose far end tells how it is, when it is asked.
type asked struct {
	live
	far atomic.Pointer[event.LinkData]
}

func (a *asked) Status(context.Context) rpc.Session {
	view := a.View()
	view.Phase, view.Link = "asked", a.far.Load()
	return view
}

// The overview has sessions of this computer, asked at their far ends at once and again and again.
func TestOverview(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		caller := rpc.Caller{Dir: t.TempDir()}
		l := s.subscribe(func(ctx context.Context, _ visit) error { return s.overview(ctx, caller) }, visit{})
		l.want(t, rpc.Update{Topic: rpc.TopicOverview, Snapshot: true})
		own := &asked{}
		own.far.Store(&event.LinkData{State: "up"})
		s.registry.Add(own)
		rest(time.Second)
		update := func(state string) rpc.Update {
			view := rpc.Session{
				ID:        "0a1b2c3d",
				Namespace: "shop",
				Workload:  "deployment/web",
				Phase:     "asked",
				Link:      &event.LinkData{State: state},
			}
			return rpc.Update{Topic: rpc.TopicOverview, Overview: map[string]rpc.Session{view.ID: view}}
		}
		l.want(t, update("up"))
		own.far.Store(&event.LinkData{State: "down"}) // without a word
		rest(3 * time.Second)
		l.want(t, update("down"))
		now, err := s.overviewNow(t.Context(), rpc.Overview{Caller: caller})
		if err != nil || len(now) != 1 || now[0].Phase != "asked" {
			t.Errorf("%+v, %v", now, err)
		}
		s.registry.Remove(own)
		rest(time.Second)
		l.want(t, rpc.Update{Topic: rpc.TopicOverview, Gone: []string{"0a1b2c3d"}})
		l.leave()
	})
}

// Forwarded ports come and go with their session, and with each other.
func TestForwards(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		forwards := func(ctx context.Context, _ visit) error { return s.forwards(ctx, rpc.Caller{Dir: t.TempDir()}) }
		l := s.subscribe(forwards, visit{})
		l.want(t, rpc.Update{Topic: rpc.TopicForwards, Snapshot: true})

		web := event.ForwardData{Local: 8080, Remote: 80, State: "listening"}
		debug := event.ForwardData{Local: 2345, Remote: 2345, State: "listening"}
		own := &live{forwards: []event.ForwardData{web}}
		s.registry.Add(own)
		rest(time.Second)
		update := func(key string, f event.ForwardData) rpc.Update {
			return rpc.Update{Topic: rpc.TopicForwards, Forwards: map[string]rpc.Forwarded{key: {
				ForwardData: f,
				Session:     "0a1b2c3d",
				Namespace:   "shop",
				Workload:    "deployment/web",
			}}}
		}
		l.want(t, update("0a1b2c3d/8080", web))

		own.forwards = append(own.forwards, debug)
		own.changed()
		rest(time.Second)
		l.want(t, update("0a1b2c3d/2345", debug))

		own.link.State = "down" // is no port's matter
		own.changed()
		rest(time.Second)
		l.want(t)

		s.registry.Remove(own)
		rest(time.Second)
		l.want(t, rpc.Update{Topic: rpc.TopicForwards, Gone: []string{"0a1b2c3d/2345", "0a1b2c3d/8080"}})
		l.leave()
	})
}
