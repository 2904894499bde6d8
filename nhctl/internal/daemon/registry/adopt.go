package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/store"
)

// adoptLimit limits how long a call waits for a cluster whose session is taken up.
const adoptLimit = 3 * time.Second

// Adopt takes up the saved sessions that no one serves, with the credentials of the caller: after a crash or a reboot,
// at the next command. v is nil for a caller without a cluster.
func (r *Registry) Adopt(ctx context.Context, caller rpc.Caller, v *session.Visitor) {
	all, err := r.Stored()
	if err != nil {
		r.logger.Error("saved sessions", "error", err)
		text := fmt.Sprintf("%v\nthe session itself is in the cluster: nhctl dev list; nhctl dev end", err)
		event.Sink(ctx)(event.Event{Type: event.Notice, Message: text})
	}
	var adopting sync.WaitGroup
	defer adopting.Wait()
	for _, state := range all {
		if r.Serves(state.ID()) || r.isOver(state.ID()) || r.reserved(state.Work()) {
			continue
		}
		var own *session.Visitor
		if v != nil {
			copied := *v // each asks for itself
			own = &copied
		}
		adopting.Go(func() {
			if err := r.takeUp(ctx, caller, own, state); err != nil {
				r.logger.Error("take up session", "session", state.ID(), "error", err)
			}
		})
	}
}

// takeUp takes up one session. Its panic is its own: the others are taken up, and the call goes on.
func (r *Registry) takeUp(
	ctx context.Context, caller rpc.Caller, v *session.Visitor, state session.Stored,
) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, adoptLimit)
	defer cancel()
	return state.TakeUp(ctx, caller, v)
}

// Serves says whether a session of this computer is served.
func (r *Registry) Serves(id string) bool {
	return slices.ContainsFunc(r.Live(), func(s session.Live) bool { return s.ID() == id })
}

// isOver says whether a session has ended, whose removal may not be done. Ask whether it is served before.
func (r *Registry) isOver(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.over[id]
}

// Stored reads every saved session. The error names those that can't be read; it hides no other.
func (r *Registry) Stored() ([]session.Stored, error) {
	files, err := filepath.Glob(filepath.Join(r.dirs.Sessions(), "*", session.File))
	if err != nil {
		return nil, err
	}
	var all []session.Stored
	var failed []error
	for _, file := range files {
		s, err := r.load(file)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) { // it has ended at this moment
				failed = append(failed, fmt.Errorf("saved session %s: %w", filepath.Base(filepath.Dir(file)), err))
			}
			continue
		}
		all = append(all, s)
	}
	return all, errors.Join(failed...)
}

// load has the kind of a saved session read it.
func (r *Registry) load(file string) (session.Stored, error) {
	name, err := store.Kind(file)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	kinds := r.kinds
	r.mu.Unlock()
	for _, k := range kinds {
		if k.Name() == cmp.Or(name, record.DevMode) {
			return k.Load(file)
		}
	}
	return nil, fmt.Errorf("it is of kind %q, which this nhctl does not know", name)
}
