package subscription

import (
	"context"
	"slices"
	"time"
)

const (
	// interval is the shortest time between two updates: at most ten a second.
	interval = 100 * time.Millisecond
	// slow is how long a reader may take for an update. One that takes longer gets a snapshot next: it may have missed
	// more than it would want to hear one by one.
	slow = time.Second
)

// Follow gives deliver a snapshot of a state, then its changes, until ctx ends or deliver fails. Deliver may block:
// whatever changes in the meantime becomes one update.
func Follow[T any](ctx context.Context, s *State[T], deliver func(Update[T]) error) error {
	r := &reader[T]{state: s}
	for {
		update, ok, change := r.next()
		if !ok {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-change:
			}
			continue
		}
		slices.Sort(update.Gone)
		begun := time.Now()
		if err := deliver(update); err != nil {
			return err
		}
		if time.Since(begun) > slow {
			r.known = nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Until(begun.Add(interval))):
		}
	}
}
