package session

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/record"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// A part that panics is that session's: its user is told, its other parts go on, and its end waits for them.
func TestPanicIsTheSessions(t *testing.T) {
	t.Parallel()
	s := New(quiet(), nil, "0a1b2c3d")
	ended := false
	s.Go("the rest", func() {
		<-s.Context().Done()
		ended = true
	})
	failed := make(chan struct{})
	s.Go("the sync engine", func() {
		defer close(failed)
		panic("no such luck")
	})
	<-failed
	s.Stop()
	if !ended {
		t.Error("the end did not wait")
	}
	if all := s.Notices(); len(all) != 1 || !strings.Contains(all[0], "the sync engine") {
		t.Errorf("notices: %q", all)
	}
}

// A call that works on the session hears its events, until it has ended.
func TestTell(t *testing.T) {
	t.Parallel()
	s := New(quiet(), nil, "")
	var heard []event.Event
	done := s.Tell(func(e event.Event) { heard = append(heard, e) })
	s.SetID("0a1b2c3d")
	s.Emit(event.Event{Type: event.Notice, Message: "a"})
	done()
	s.Emit(event.Event{Type: event.Notice, Message: "b"})
	want := []event.Event{{Type: event.Notice, Session: "0a1b2c3d", Message: "a"}}
	if diff := cmp.Diff(want, heard); diff != "" {
		t.Error(diff)
	}
}

func TestNoticesAreNotRepeated(t *testing.T) {
	t.Parallel()
	s := New(quiet(), nil, "")
	for _, text := range []string{"a", "b", "a"} {
		s.Note(text)
	}
	if diff := cmp.Diff([]string{"a", "b"}, s.Notices()); diff != "" {
		t.Error(diff)
	}
}

// The daemon's views and whoever watches this session hear of each of its changes; of a change in the pod, or of sync,
// only the latter. Whoever has stopped to watch hears nothing.
func TestChangesAreTold(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change         func(*Session)
		views, watched int
	}{
		"a notice":   {func(s *Session) { s.Note("a") }, 1, 1},
		"an event":   {func(s *Session) { s.Emit(event.Event{}) }, 1, 1},
		"its end":    {func(s *Session) { s.SetLeaving(true) }, 1, 1},
		"a sync":     {func(s *Session) { s.Stir() }, 0, 1},
		"a question": {func(s *Session) { s.Notices(); s.Leaving(); s.ID(); s.Client() }, 0, 0},
	} {
		s := New(quiet(), nil, "")
		views, watched, gone := 0, 0, 0
		s.OnChange(func() { views++ })
		defer s.Watch(func() { watched++ })()
		s.Watch(func() { gone++ })()
		tt.change(s)
		if views != tt.views || watched != tt.watched || gone != 0 {
			t.Errorf("%s: views %d, watchers %d, and who watches no more %d", name, views, watched, gone)
		}
	}
}

// The credentials of a newer call are taken in any case; whoever keeps where the session is hears of a new address.
func TestSetClient(t *testing.T) {
	t.Parallel()
	s := New(quiet(), nil, "")
	for _, tt := range []struct {
		name, server string
		moved        bool
	}{
		{"the first", "a", false},
		{"a newer one", "a", false},
		{"another address", "b", true},
	} {
		c := &kube.Client{Identity: tt.server}
		if moved := s.SetClient(c); moved != tt.moved || s.Client() != c {
			t.Errorf("%s: moved %v, taken %v", tt.name, moved, s.Client() == c)
		}
	}
}

// A heartbeat goes on until there is nothing more to look at, or the session ends.
func TestHeartbeatEnds(t *testing.T) {
	t.Parallel()
	s := New(quiet(), nil, "")
	looks := 0
	s.Heartbeat(func(ctx context.Context) bool {
		if _, limited := ctx.Deadline(); !limited {
			t.Error("a look has no limit")
		}
		looks++
		return false
	})
	s.Heartbeat(func(context.Context) bool { looks++; s.cancel(); return true })
	if looks != 2 {
		t.Errorf("%d looks, want 2", looks)
	}
}

// The cluster is looked at once, and then at each heartbeat. A look that hangs is given up, and the next one made: one
// answer that was lost is no reason to be taken for dead.
func TestHeartbeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := New(quiet(), nil, "")
		var looks []time.Duration
		begin := time.Now()
		s.Go("the heartbeat", func() {
			s.Heartbeat(func(ctx context.Context) bool {
				looks = append(looks, time.Since(begin))
				if len(looks) == 3 {
					<-ctx.Done()
				}
				return true
			})
		})
		time.Sleep(25*time.Second + record.Beat/2)
		s.Stop() // between two beats
		want := []time.Duration{0, record.Beat, 2 * record.Beat, 4 * record.Beat, 5 * record.Beat}
		if diff := cmp.Diff(want, looks); diff != "" {
			t.Error(diff)
		}
	})
}
