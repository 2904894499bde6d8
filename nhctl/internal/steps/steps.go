// Package steps runs a long job as a list of steps, each with its undo: what fails half-way is taken back. It knows
// nothing of what the steps do.
package steps

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// Step is one step of a job, and how to take it back. An undo must also work when its step was done by half; nil means
// that there is nothing to take back.
type Step struct {
	Name string
	Do   func(context.Context) error
	Undo func(context.Context) error
}

// undoLimit limits all undos together.
const undoLimit = time.Minute

// Run does the steps in order. When one fails, or ctx ends, those begun are undone in reverse, and the errors joined.
func Run(ctx context.Context, steps []Step, emit func(event.Event)) error {
	for i, s := range steps {
		begin := time.Now()
		emit(Event(s.Name, event.StepStarted, "", begin))
		err := ctx.Err()
		if err == nil {
			err = s.Do(ctx)
		}
		if err == nil {
			emit(Event(s.Name, event.StepDone, "", begin))
			continue
		}
		emit(Event(s.Name, event.StepFailed, "", begin))
		err = fmt.Errorf("%s: %w", s.Name, err)
		return errors.Join(err, undo(ctx, steps[:i+1], emit))
	}
	return nil
}

func undo(ctx context.Context, steps []Step, emit func(event.Event)) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoLimit)
	defer cancel()
	var failed []error
	for i := len(steps) - 1; i >= 0; i-- {
		s := steps[i]
		if s.Undo == nil {
			continue
		}
		begin := time.Now()
		if err := s.Undo(ctx); err != nil {
			failed = append(failed, fmt.Errorf("undo %s: %w", s.Name, err))
			continue
		}
		emit(Event(s.Name, event.StepUndone, "", begin))
	}
	return errors.Join(failed...)
}

// Event is what there is to tell of a step that began at a time.
func Event(name string, state event.StepState, detail string, begin time.Time) event.Event {
	d := &event.StepData{Name: name, State: state, Detail: detail}
	if state == event.StepDone || state == event.StepFailed {
		d.Seconds = time.Since(begin).Seconds()
	}
	return event.Event{Type: event.Step, Step: d}
}
