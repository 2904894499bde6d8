package daemon

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/nhctl/nhctl/sidecar/supervise"
)

// wish is what the user wants to run: a pod that is lost takes it along, and it is started again in the next one.
type wish struct {
	in     *developed
	start  func(context.Context) error
	status supervise.Status
}

// wants notes what was started; without a start, nothing is to run.
func (s *developed) wants(start func(context.Context) error, status supervise.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wishes == nil {
		s.wishes = map[string]*wish{}
	}
	w := &wish{in: s, start: start, status: status}
	s.wishes[s.Name] = w
	if start == nil {
		delete(s.wishes, s.Name)
	} else if !status.HotReload {
		s.running.Go(func() { s.untilItEnds(w) })
	}
}

// settling is how long a pod that goes takes to end after its programs.
const settling = 3 * time.Second

// untilItEnds gives a wish up when its program has ended by itself, and not with its pod.
func (s *developed) untilItEnds(w *wish) {
	sup := s.supervisor()
	if st, err := sup.Wait(s.context, w.status.Name); err != nil || st.State != supervise.StateExited {
		return
	}
	select {
	case <-s.context.Done():
		return
	case <-time.After(settling):
	}
	st, err := s.service(s.context)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && st.State == supervise.StateExited && s.wishes[s.Name] == w {
		delete(s.wishes, s.Name)
	}
}

// keepRunning starts what is wanted in each pod that comes, until ctx ends.
func (s *session) keepRunning(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.up:
		}
		s.mu.Lock()
		wanted := maps.Clone(s.wishes)
		s.mu.Unlock()
		for _, w := range wanted {
			w.again(ctx)
		}
	}
}

// again starts what is wanted, where nothing was started so far.
func (w *wish) again(ctx context.Context) {
	s := w.in
	if st, err := s.service(ctx); err != nil || st.State != supervise.StateNone {
		return
	}
	pod := s.interactive.State().Pod
	if err := w.start(ctx); err != nil {
		s.note(fmt.Sprintf("the container was lost with its program, which could not be started again in pod %s: %v", pod, err))
		return
	}
	s.note(fmt.Sprintf("the container was lost with its program, which was started again in pod %s", pod))
}
