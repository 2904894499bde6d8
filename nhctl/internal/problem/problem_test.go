package problem

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFrom(t *testing.T) {
	t.Parallel()
	held := New(Held, "ada holds shop/web").WithHint("ask %s", "ada")
	cancelled := New(Refused, "stop: %w", context.Canceled)
	for name, tt := range map[string]struct {
		err  error
		want Error
	}{
		"a problem": {held, Error{Code: Held, Message: "ada holds shop/web", Hint: "ask ada"}},
		"wrapped": {fmt.Errorf("lock: %w", held),
			Error{Code: Held, Message: "lock: ada holds shop/web", Hint: "ask ada"}},
		"joined": {errors.Join(io.EOF, held),
			Error{Code: Held, Message: "EOF\nada holds shop/web", Hint: "ask ada"}},
		"cancelled": {fmt.Errorf("wait: %w", context.Canceled),
			Error{Code: Interrupted, Message: "interrupted"}},
		"problem comes first": {cancelled, Error{Code: Refused, Message: "stop: context canceled"}},
		"too late": {fmt.Errorf("wait: %w", context.DeadlineExceeded),
			Error{Code: Timeout, Message: "wait: context deadline exceeded"}},
		"a full disk, with its file": {fmt.Errorf("save: %w", &fs.PathError{Op: "write", Path: "/a", Err: full}),
			Error{Code: DiskFull, Message: "save: write /a: " + full.Error(), Hint: "the disk of /a is full, or its " +
				"quota used up: make room there, and do it again; sessions that run go on"}},
		"a full disk": {full, Error{Code: DiskFull, Message: full.Error(), Hint: "the disk is full, or its quota " +
			"used up: make room there, and do it again; sessions that run go on"}},
		"a full disk, explained already": {New(Refused, "no namespace: %w", full),
			Error{Code: Refused, Message: "no namespace: " + full.Error()}},
		"anything else": {io.EOF, Error{Code: Internal, Message: "EOF"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := *From(tt.err)
			if cause := errors.Unwrap(&got); cause != nil && !errors.Is(tt.err, cause) {
				t.Errorf("cause: %v", cause)
			}
			got.Cause = nil
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if diff := cmp.Diff("ada holds shop/web", held.Message); diff != "" {
		t.Errorf("From changed the problem that it was given:\n%s", diff)
	}
}

func TestWithHintCopies(t *testing.T) {
	t.Parallel()
	plain := New(NotFound, "read: %w", io.EOF)
	hinted := plain.WithHint("look again")
	if plain.Hint != "" || hinted.Hint != "look again" || !errors.Is(hinted, io.EOF) {
		t.Errorf("%+v, %+v", plain, hinted)
	}
}

// A problem with several causes is each of them.
func TestSeveralCauses(t *testing.T) {
	t.Parallel()
	p := New(Internal, "%w: %w", io.EOF, context.Canceled)
	if !errors.Is(p, io.EOF) || !errors.Is(p, context.Canceled) || p.Message != "EOF: context canceled" {
		t.Errorf("%+v", p)
	}
}

func TestExitCode(t *testing.T) {
	t.Parallel()
	got := map[Code]int{}
	for _, c := range []Code{Usage, Unreachable, Unauthorized, Forbidden, NotFound, Held, Refused, NotReady, PortTaken,
		NoSession, SyncBlocked, Timeout,
		Interrupted, Command, Internal, "of a later release"} {
		got[c] = c.ExitCode()
	}
	if code := New(Command, "the build failed").WithExit(7).ExitCode(); code != 7 {
		t.Errorf("a code of its own: %d", code)
	}
	want := map[Code]int{
		Usage:                2,
		Unreachable:          4,
		Unauthorized:         4,
		Forbidden:            4,
		NotFound:             1,
		Held:                 1,
		Refused:              1,
		NotReady:             1,
		PortTaken:            1,
		NoSession:            1,
		SyncBlocked:          1,
		Timeout:              1,
		Interrupted:          130,
		Command:              1,
		Internal:             1,
		"of a later release": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
