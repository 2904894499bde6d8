package fill

import (
	"context"
	"sync"
)

// workers is how many files are worked on at once, and waiting how many wait: files are small, and system calls are
// what takes time.
const (
	workers = 4
	waiting = 32
)

// inOrder calls do for each value on several goroutines, and out with the results in the order that the values had.
func inOrder[T any](ctx context.Context, each func(yield func(T) bool), do func(*T), out func(T) error) error {
	type slot struct {
		value T
		done  chan struct{}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	jobs, queue := make(chan *slot, waiting), make(chan *slot, waiting)
	var working sync.WaitGroup
	for range workers {
		working.Go(func() {
			for s := range jobs {
				do(&s.value)
				close(s.done)
			}
		})
	}
	working.Go(func() {
		for s := range queue {
			<-s.done
			if ctx.Err() != nil {
				continue
			}
			if err := out(s.value); err != nil {
				cancel(err)
			}
		}
	})
	each(func(v T) bool {
		s := &slot{v, make(chan struct{})}
		jobs <- s
		queue <- s
		return ctx.Err() == nil
	})
	close(jobs)
	close(queue)
	working.Wait()
	return context.Cause(ctx)
}
