package daemon

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/nhctl/nhctl/sidecar/supervise"
)

// wish is what the user wants to run in a container: one that is lost takes it along, and it is started again in the next one. It is kept
// with the session, as it was started: a daemon that takes the session up knows nothing of the caller's environment.
type wish struct {
	Command string         `json:"command"`
	Build   []string       `json:"build,omitempty"`
	Spec    supervise.Spec `json:"spec"`
	// Debugger is set where there is one to wait for.
	Debugger *awaited `json:"debugger,omitempty"`

	watched bool
}

// awaited is a debugger, with its port in the container.
type awaited struct {
	Language string `json:"language"`
	Port     int    `json:"port"`
	Waits    bool   `json:"waits,omitempty"`
}

// wants notes what was started; nil means that nothing is to run.
func (s *developed) wants(w *wish) {
	err := s.keep(func(kept *saved) {
		all := maps.Clone(kept.Wishes)
		if all == nil {
			all = map[string]*wish{}
		}
		if all[s.Name] = w; w == nil {
			delete(all, s.Name)
		}
		kept.Wishes = all
	})
	if err != nil {
		s.logger.Error("keep what is to run", "error", err)
	}
	if w != nil {
		s.mind(w)
	}
}

// settling is how long a pod that goes takes to end after its programs.
const settling = 3 * time.Second

// mind gives a wish up when its program ends by itself, unless a change starts it again.
func (s *developed) mind(w *wish) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.watched || w.Spec.Reload != nil {
		return
	}
	w.watched = true
	s.running.Go(func() {
		s.untilItEnds(w)
		s.mu.Lock()
		defer s.mu.Unlock()
		w.watched = false // the connection was lost; the next one is minded again
	})
}

// untilItEnds gives a wish up when its program has ended by itself, and not with its pod.
func (s *developed) untilItEnds(w *wish) {
	if st, err := s.supervisor().Wait(s.context, w.Command); err != nil || st.State != supervise.StateExited {
		return
	}
	select {
	case <-s.context.Done():
		return
	case <-time.After(settling):
	}
	st, err := s.service(s.context)
	s.mu.Lock()
	same := s.saved.Wishes[s.Name] == w
	s.mu.Unlock()
	if err == nil && st.State == supervise.StateExited && same {
		s.wants(nil)
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
		wanted := s.saved.Wishes
		s.mu.Unlock()
		for _, c := range s.containers() {
			if w := wanted[c.Name]; w != nil {
				c.again(ctx, w)
			}
		}
	}
}

// again starts what is wanted, where nothing was started so far.
func (s *developed) again(ctx context.Context, w *wish) {
	st, err := s.service(ctx)
	if err != nil {
		return
	}
	if st.State != supervise.StateNone {
		s.mind(w)
		return
	}
	pod := s.interactive.State().Pod
	if err := s.anew(ctx, w); err != nil {
		s.note(fmt.Sprintf("the container was lost with its program, which could not be started again in pod %s: %v", pod, err))
		return
	}
	s.note(fmt.Sprintf("the container was lost with its program, which was started again in pod %s", pod))
}

func (s *developed) anew(ctx context.Context, w *wish) error {
	status, err := s.launch(ctx, w, false)
	if err != nil {
		return err
	}
	s.mind(w)
	if w.Debugger == nil {
		return nil
	}
	_, err = s.awaitDebugger(ctx, w.Debugger, 0, *status.Started)
	return err
}
