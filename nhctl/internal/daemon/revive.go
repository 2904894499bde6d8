package daemon

import (
	"context"
	"fmt"
	"time"

	"github.com/nhctl/nhctl/sidecar/supervise"
)

// wish is what the user wants to run: a pod that is lost takes it along, and it is started again in the next one.
type wish struct {
	start  func(context.Context) error
	status supervise.Status
}

// wants notes what was started; without a start, nothing is to run.
func (s *session) wants(start func(context.Context) error, status supervise.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wish = &wish{start: start, status: status}
	if start == nil {
		s.wish = nil
	} else if !status.HotReload {
		w := s.wish
		s.running.Go(func() { s.untilItEnds(w) })
	}
}

// settling is how long a pod that goes takes to end after its programs.
const settling = 3 * time.Second

// untilItEnds gives a wish up when its program has ended by itself, and not with its pod.
func (s *session) untilItEnds(w *wish) {
	sup := s.supervisor(s.record().Container)
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
	if err == nil && st.State == supervise.StateExited && s.wish == w {
		s.wish = nil
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
		w := s.wish
		s.mu.Unlock()
		if w == nil {
			continue
		}
		if st, err := s.service(ctx); err != nil || st.State != supervise.StateNone {
			continue
		}
		pod := s.interactive.State().Pod
		if err := w.start(ctx); err != nil {
			s.note(fmt.Sprintf("the container was lost with its program, which could not be started again in pod %s: %v", pod, err))
			continue
		}
		s.note(fmt.Sprintf("the container was lost with its program, which was started again in pod %s", pod))
	}
}
