package steps

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/event"
)

func TestFailedStepIsUndoneInReverse(t *testing.T) {
	t.Parallel()
	var did []string
	make := func(name string, err, undoErr error) Step {
		return Step{name,
			func(context.Context) error { did = append(did, name); return err },
			func(ctx context.Context) error {
				did = append(did, "undo "+name)
				return errors.Join(undoErr, ctx.Err())
			}}
	}
	failed, undoFailed := errors.New("no"), errors.New("no way back")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	last := make("c", failed, nil)
	do := last.Do
	// Undos must not suffer from the user's Ctrl-C.
	last.Do = func(ctx context.Context) error { cancel(); return do(ctx) }
	steps := []Step{make("a", nil, nil), make("b", nil, undoFailed), last, make("never", nil, nil)}
	err := Run(ctx, steps, func(event.Event) {})
	if !errors.Is(err, failed) || !errors.Is(err, undoFailed) || strings.Contains(err.Error(), "canceled") {
		t.Errorf("error: %v", err)
	}
	if diff := cmp.Diff([]string{"a", "b", "c", "undo c", "undo b", "undo a"}, did); diff != "" {
		t.Error(diff)
	}
}
