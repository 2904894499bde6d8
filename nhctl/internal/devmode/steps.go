package devmode

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// step is one step of entering dev mode, and how to take it back. An undo must also work when its step was done by half.
type step struct {
	name string
	do   func(context.Context) error
	undo func(context.Context) error
}

// undoLimit limits all undos together.
const undoLimit = time.Minute

// run does the steps in order. When one fails, or ctx ends, those begun are undone in reverse, and the errors joined.
func run(ctx context.Context, steps []step, emit func(event.Event)) error {
	for i, s := range steps {
		begin := time.Now()
		emit(stepEvent(s.name, event.StepStarted, "", begin))
		err := ctx.Err()
		if err == nil {
			err = s.do(ctx)
		}
		if err == nil {
			emit(stepEvent(s.name, event.StepDone, "", begin))
			continue
		}
		emit(stepEvent(s.name, event.StepFailed, "", begin))
		err = fmt.Errorf("%s: %w", s.name, err)
		return errors.Join(err, undo(ctx, steps[:i+1], emit))
	}
	return nil
}

func undo(ctx context.Context, steps []step, emit func(event.Event)) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoLimit)
	defer cancel()
	var failed []error
	for i := len(steps) - 1; i >= 0; i-- {
		s := steps[i]
		if s.undo == nil {
			continue
		}
		begin := time.Now()
		if err := s.undo(ctx); err != nil {
			failed = append(failed, fmt.Errorf("undo %s: %w", s.name, err))
			continue
		}
		emit(stepEvent(s.name, event.StepUndone, "", begin))
	}
	return errors.Join(failed...)
}

func stepEvent(name string, state event.StepState, detail string, begin time.Time) event.Event {
	d := &event.StepData{Name: name, State: state, Detail: detail}
	if state == event.StepDone || state == event.StepFailed {
		d.Seconds = time.Since(begin).Seconds()
	}
	return event.Event{Type: event.Step, Step: d}
}

// poll calls check until it says true, fails, or ctx ends.
func poll(ctx context.Context, check func(context.Context) (bool, error)) error {
	const interval = 100 * time.Millisecond
	for {
		done, err := check(ctx)
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(interval):
		}
	}
}
