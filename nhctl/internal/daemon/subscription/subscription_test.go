package subscription

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// list is a reader's record of what it was given.
type list struct {
	updates []Update[string]
	times   []time.Duration
	begun   time.Time
	// hold keeps the reader busy for its first update.
	hold time.Duration
}

func (l *list) deliver(u Update[string]) error {
	l.updates = append(l.updates, u)
	l.times = append(l.times, time.Since(l.begun))
	if len(l.updates) == 1 {
		time.Sleep(l.hold)
	}
	return nil
}

// follow follows a state in a bubble until the test ends.
func follow(t *testing.T, s *State[string], l *list) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	l.begun = time.Now()
	go func() { defer close(done); _ = Follow(ctx, s, l.deliver) }()
	t.Cleanup(func() { cancel(); <-done })
	synctest.Wait()
}

// rest lets a time pass, and then everyone come to rest.
func rest(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func compare(t *testing.T, l *list, want ...Update[string]) {
	t.Helper()
	if diff := cmp.Diff(want, l.updates, cmpopts.EquateEmpty(),
		cmpopts.IgnoreFields(problem.Error{}, "Cause")); diff != "" {
		t.Errorf("updates (-want +got):\n%s", diff)
	}
}

type items = map[string]string

// A reader gets a snapshot, then what changes, comes and goes; what stays as it is makes no update.
func TestSnapshotThenChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, l := NewState[string](nil), &list{}
		follow(t, s, l)
		rest(time.Second)
		compare(t, l) // nothing is known yet
		for _, next := range []items{
			{"web": "1", "db": "1"},
			{"web": "1", "db": "1"},
			{"web": "2", "db": "1"},
			{"web": "2", "api": "1"},
			{},
		} {
			s.Set(next, nil)
			rest(interval)
		}
		compare(t, l,
			Update[string]{Snapshot: true, Items: items{"web": "1", "db": "1"}},
			Update[string]{Items: items{"web": "2"}},
			Update[string]{Items: items{"api": "1"}, Gone: []string{"db"}},
			Update[string]{Gone: []string{"api", "web"}},
		)
	})
}

// An empty topic has a snapshot, too.
func TestEmptySnapshot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, l := NewState[string](nil), &list{}
		follow(t, s, l)
		s.Set(nil, nil)
		rest(interval)
		compare(t, l, Update[string]{Snapshot: true})
	})
}

// However often the state changes, a reader gets at most ten updates a second, the first at once, and ends with the
// state's last items.
func TestRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, l := NewState[string](nil), &list{}
		follow(t, s, l)
		for i := range 1000 {
			s.Set(items{"web": strconv.Itoa(i)}, nil)
			rest(time.Millisecond)
		}
		rest(interval)
		if n := len(l.updates); n < 10 || n > 11 {
			t.Errorf("%d updates in a second", n)
		}
		if l.times[0] != 0 {
			t.Errorf("the first came after %v", l.times[0])
		}
		for i := range l.times[1:] {
			if pause := l.times[i+1] - l.times[i]; pause < interval {
				t.Errorf("a pause of %v", pause)
			}
		}
		if last := l.updates[len(l.updates)-1].Items["web"]; last != "999" {
			t.Errorf("the last is %s", last)
		}
	})
}

// A reader that takes too long gets one snapshot of what is, and none of what was.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, l, other := NewState[string](nil), &list{hold: time.Minute}, &list{}
		s.Set(items{"web": "0", "db": "0"}, nil)
		follow(t, s, l)
		follow(t, s, other)
		for i := range 500 {
			s.Set(items{"web": strconv.Itoa(i), "api": "0"}, nil)
			rest(interval)
		}
		rest(time.Minute)
		compare(t, l,
			Update[string]{Snapshot: true, Items: items{"web": "0", "db": "0"}},
			Update[string]{Snapshot: true, Items: items{"web": "499", "api": "0"}},
		)
		if len(other.updates) < 400 {
			t.Errorf("the other reader got %d updates", len(other.updates))
		}
	})
}

// A reader that takes too long, while nothing changes, gets nothing more.
func TestSlowReaderOfQuietState(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, l := NewState[string](nil), &list{hold: time.Minute}
		s.Set(items{"web": "0"}, nil)
		follow(t, s, l)
		rest(time.Hour)
		compare(t, l, Update[string]{Snapshot: true, Items: items{"web": "0"}})
	})
}

// What comes and goes between two updates is no news.
func TestCoalesced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, l := NewState[string](nil), &list{}
		s.Set(items{"web": "0"}, nil)
		follow(t, s, l)
		s.Set(items{"web": "0", "api": "0"}, nil)
		s.Set(items{"web": "0"}, nil)
		rest(interval)
		s.Set(items{"web": "1"}, nil)
		rest(interval)
		compare(t, l,
			Update[string]{Snapshot: true, Items: items{"web": "0"}},
			Update[string]{Items: items{"web": "1"}},
		)
	})
}

// Trouble is news, and so is its end; the items stay.
func TestTrouble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		down := problem.New(problem.Unreachable, "the API server does not answer")
		s, l := NewState[string](nil), &list{}
		follow(t, s, l)
		s.Fail(down)
		rest(interval)
		s.Fail(down)
		rest(interval)
		s.Set(items{"web": "0"}, nil)
		rest(interval)
		s.Fail(down)
		rest(interval)
		s.Set(items{"web": "0"}, nil)
		rest(interval)
		compare(t, l,
			Update[string]{Snapshot: true, Trouble: down},
			Update[string]{Items: items{"web": "0"}},
			Update[string]{Trouble: down},
			Update[string]{},
		)
	})
}

// Some differences are none for readers.
func TestSame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, l := NewState(func(a, b string) bool { return strings.EqualFold(a, b) }), &list{}
		s.Set(items{"web": "a"}, nil)
		follow(t, s, l)
		s.Set(items{"web": "A"}, nil)
		rest(interval)
		compare(t, l, Update[string]{Snapshot: true, Items: items{"web": "a"}})
	})
}

// A reader whose client has gone ends.
func TestDeliveryFails(t *testing.T) {
	t.Parallel()
	s, gone := NewState[string](nil), errors.New("gone")
	s.Set(nil, nil)
	if err := Follow(t.Context(), s, func(Update[string]) error { return gone }); !errors.Is(err, gone) {
		t.Error(err)
	}
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// Readers of one key share a source, which starts with the first and has ended when the last has left.
func TestShared(t *testing.T) {
	t.Parallel()
	h, started, ended := &Hub{Logger: quiet()}, 0, 0
	run := func(ctx context.Context, s *State[string]) {
		started++
		s.Set(items{"web": strconv.Itoa(started)}, nil)
		<-ctx.Done()
		ended++
	}
	first, leaveFirst := Join(h, "shop", nil, run)
	second, leaveSecond := Join(h, "shop", nil, run)
	if first != second || h.Running() != 1 {
		t.Errorf("%d sources run", h.Running())
	}
	leaveFirst()
	if ended != 0 {
		t.Error("it ended before its last reader left")
	}
	leaveSecond()
	if started != 1 || ended != 1 || h.Running() != 0 {
		t.Errorf("started %d, ended %d, %d run", started, ended, h.Running())
	}
	third, leaveThird := Join(h, "shop", nil, run)
	leaveThird()
	if third == first || started != 2 || ended != 2 {
		t.Errorf("again: started %d, ended %d", started, ended)
	}
}

// Other keys have sources of their own, and a panic is its source's alone.
func TestPanicIsTheSources(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, l, other := &Hub{Logger: quiet()}, &list{}, &list{}
		bad, leaveBad := Join(h, "bad", nil, func(context.Context, *State[string]) { panic("no such luck") })
		good, leaveGood := Join(h, "good", nil, func(ctx context.Context, s *State[string]) {
			s.Set(items{"web": "0"}, nil)
			<-ctx.Done()
		})
		follow(t, bad, l)
		follow(t, good, other)
		rest(interval)
		if len(l.updates) != 1 || l.updates[0].Trouble == nil || l.updates[0].Trouble.Code != problem.Internal {
			t.Errorf("%+v", l.updates)
		}
		compare(t, other, Update[string]{Snapshot: true, Items: items{"web": "0"}})
		leaveBad()
		leaveGood()
	})
}
