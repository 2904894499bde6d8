package eventlog

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/syncthing/syncthing/lib/events"
)

// serve serves a log until the test ends.
func serve(t *testing.T) (l *Log, end func()) {
	t.Helper()
	l = New()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = l.Serve(ctx) }()
	end = func() { cancel(); <-done }
	t.Cleanup(end)
	return l, end
}

// A reader that comes back late misses nothing: all events are there, in their order.
func TestNoneIsDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, _ := serve(t)
		sub := l.Subscribe(events.LocalIndexUpdated | events.StateChanged)
		defer sub.Unsubscribe()
		const many = 10 * events.BufferSize
		for i := range many {
			l.Log(events.LocalIndexUpdated, i)
			l.Log(events.ItemStarted, i)
		}
		time.Sleep(time.Hour)
		for i := range many {
			e, err := sub.Poll(time.Second)
			if err != nil || e.Data != i || e.SubscriptionID != i+1 || e.GlobalID != 2*i+1 {
				t.Fatalf("event %d: %+v, %v", i, e, err)
			}
		}
		if e, err := sub.Poll(time.Second); !errors.Is(err, events.ErrTimeout) {
			t.Errorf("one more: %+v, %v", e, err)
		}
	})
}

// Subscribers get what they subscribed to, from then on, and do not wait for each other.
func TestSubscribers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, _ := serve(t)
		idle := l.Subscribe(events.AllEvents)
		l.Log(events.StateChanged, "before")
		states := l.Subscribe(events.StateChanged)
		l.Log(events.ItemFinished, "other")
		l.Log(events.StateChanged, "after")
		if e := <-states.C(); e.Data != "after" || e.Type != events.StateChanged {
			t.Errorf("%+v", e)
		}
		if states.Mask() != events.StateChanged {
			t.Error(states.Mask())
		}
		idle.Unsubscribe()
		idle.Unsubscribe()
		states.Unsubscribe()
	})
}

// Whoever reads sees the end, with events that they have not taken or without, and so does who comes after it.
func TestEnd(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(events.Subscription, func()){
		"of the subscription": func(s events.Subscription, _ func()) { s.Unsubscribe() },
		"of the log":          func(_ events.Subscription, end func()) { end() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l, endLog := serve(t)
				empty, full := l.Subscribe(events.AllEvents), l.Subscribe(events.AllEvents)
				l.Log(events.StateChanged, nil)
				<-empty.C()
				for _, s := range []events.Subscription{empty, full} {
					end(s, endLog)
					synctest.Wait()
					if e, err := s.Poll(time.Second); !errors.Is(err, events.ErrClosed) {
						t.Errorf("%+v, %v", e, err)
					}
				}
				endLog()
				late := l.Subscribe(events.AllEvents)
				l.Log(events.StateChanged, nil)
				if _, open := <-late.C(); open {
					t.Error("an event after the end")
				}
				late.Unsubscribe()
			})
		})
	}
}
