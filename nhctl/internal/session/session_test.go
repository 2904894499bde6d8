package session

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/event"
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

// What is not written is not lost: the next change has it.
func TestDocumentThatCantBeWritten(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	var written []string
	failing := true
	d := NewDocument("", func(text string) error {
		if failing {
			return full
		}
		written = append(written, text)
		return nil
	})
	if err := d.Edit(func(text *string) { *text += "a" }); !errors.Is(err, full) {
		t.Error(err)
	}
	failing = false
	if err := d.Edit(func(text *string) { *text += "b" }); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"ab"}, written); diff != "" || d.Value() != "ab" {
		t.Error(diff, d.Value())
	}
}
