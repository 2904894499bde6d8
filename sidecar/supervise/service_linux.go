package supervise

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// service is what runs of the service: run or debug, never both. It starts it again when the sources change.
type service struct {
	run, debug, build *command
	crashPause        time.Duration
	holdLimit         time.Duration

	change sync.Mutex // held while run or debug is started or stopped
	mu     sync.Mutex // guards what follows
	name   string     // what the user wants to run; empty for nothing
	spec   Spec
	wish   int       // counts the user's starts and stops
	made   time.Time // changes before that are in what runs
	last   time.Time // the last change
	wake   chan struct{}

	holding sync.WaitGroup // watches over held programs
}

func newService(run, debug, build *command) *service {
	return &service{run: run, debug: debug, build: build, wake: make(chan struct{}, 1)}
}

// pair returns a command and the one that it excludes.
func (s *service) pair(name string) (this, other *command) {
	if name == Debug {
		return s.debug, s.run
	}
	return s.run, s.debug
}

// start is the user's.
func (s *service) start(ctx context.Context, name string, spec Spec) (Status, error) {
	s.change.Lock()
	defer s.change.Unlock()
	this, other := s.pair(name)
	if other.current().State == StateRunning {
		if spec.Refuse {
			return other.current(), ErrRunning
		}
		if _, err := other.end(ctx); err != nil {
			return other.current(), err
		}
	}
	made := time.Now()
	if spec.Sources != nil {
		made = *spec.Sources
	}
	status, err := this.start(ctx, spec)
	if err != nil {
		return status, err
	}
	s.mu.Lock()
	s.name, s.spec, s.made = name, spec, made
	s.wish++
	s.mu.Unlock()
	s.look() // changes that came while it was built
	return status, nil
}

// stop is the user's.
func (s *service) stop(ctx context.Context, name string) (Status, error) {
	s.change.Lock()
	defer s.change.Unlock()
	s.mu.Lock()
	if s.name == name {
		s.name = ""
	}
	s.wish++
	s.mu.Unlock()
	this, _ := s.pair(name)
	return this.end(ctx)
}

// changed notes that the sources changed.
func (s *service) changed(at time.Time) {
	s.mu.Lock()
	if at.After(s.last) {
		s.last = at
	}
	s.mu.Unlock()
	s.look()
}

func (s *service) look() {
	select {
	case s.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// serve starts the service again after changes, until ctx ends.
func (s *service) serve(ctx context.Context) {
	defer s.holding.Wait()
	for crashes := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		}
		for s.reload(ctx, &crashes) {
		}
	}
}

// A command that ends by itself within quick of a reload has crashed; from the third such reload in a row on, each
// waits longer.
const (
	quick      = 2 * time.Second
	crashPause = 250 * time.Millisecond // the default of Options.CrashPause
	longest    = 10 * time.Second
)

// reload brings what runs up to date, and says whether to look again.
func (s *service) reload(ctx context.Context, crashes *int) bool {
	s.mu.Lock()
	name, how, wish, stale := s.name, s.spec.Reload, s.wish, s.last.After(s.made)
	s.mu.Unlock()
	if name == "" || how == nil || !stale {
		return false
	}
	if s.build.current().State == StateRunning { // someone's own; what it makes may be started next
		select {
		case <-ctx.Done():
			return false
		case <-s.build.over():
		}
		return true
	}
	this, _ := s.pair(name)
	if st := this.current(); st.Reloads > 0 && st.Finished != nil && st.Finished.Sub(*st.Started) < quick {
		*crashes++
	} else {
		*crashes = 0
	}
	if *crashes > 2 {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(min(longest, s.crashPause<<min(10, *crashes-3))):
		}
	}
	begun := time.Now()
	if len(how.Build) > 0 && !s.rebuild(ctx, this, how) {
		if s.update(wish, begun) && how.StopOnFailure { // the next change tries again
			s.halt(ctx, this, wish)
		}
		return true
	}
	s.restart(ctx, name, how, wish, begun)
	return true
}

// rebuild says whether the build succeeded.
func (s *service) rebuild(ctx context.Context, this *command, how *Reload) bool {
	if _, err := s.build.start(ctx, Spec{Argv: how.Build}); err != nil {
		this.remark(fmt.Sprintf("hot reload: the build can't start: %v", err))
		return false
	}
	select {
	case <-s.build.over():
	case <-ctx.Done():
		_, _ = s.build.stop(ctx)
		return false
	}
	st := s.build.current()
	if st.ExitCode != nil && *st.ExitCode == 0 {
		return true
	}
	then := "the old program goes on"
	if how.StopOnFailure {
		then = "the old program is stopped"
	}
	this.remark(fmt.Sprintf("hot reload: the build failed (%s), %s", ending(st), then))
	return false
}

// halt stops what runs until the next change, unless the user wished something else in the meantime.
func (s *service) halt(ctx context.Context, this *command, wish int) {
	s.change.Lock()
	defer s.change.Unlock()
	s.mu.Lock()
	same := s.wish == wish
	s.mu.Unlock()
	if !same {
		return
	}
	if _, err := this.stop(ctx); err != nil {
		this.remark(fmt.Sprintf("hot reload: %v", err))
	}
}

// update notes up to when changes have been dealt with, unless the user wished something else in the meantime.
func (s *service) update(wish int, made time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wish != wish {
		return false
	}
	s.made = made
	return true
}

func (s *service) restart(ctx context.Context, name string, how *Reload, wish int, begun time.Time) {
	s.change.Lock()
	defer s.change.Unlock()
	if ctx.Err() != nil || !s.update(wish, begun) {
		return
	}
	s.mu.Lock()
	spec := s.spec
	s.mu.Unlock()
	this, _ := s.pair(name)
	again := reloaded{times: this.current().Reloads + 1, held: how.Held != nil && this.debugging.Load() > 0}
	this.remark("hot reload")
	spec.Argv, spec.Refuse = slices.Clone(how.Argv), false
	if again.held {
		spec.Argv = slices.Clone(how.Held.Argv)
	}
	if _, err := this.startAs(ctx, spec, again); err != nil {
		this.remark(fmt.Sprintf("hot reload: %v", err))
		return
	}
	if again.held {
		over := this.over()
		s.holding.Go(func() { this.hold(ctx, over, how.Held.Port, s.holdLimit) })
	}
}
