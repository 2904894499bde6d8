package devsession

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/commands"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/plan"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/store"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// saved is what a computer keeps of a session, so that a new daemon can take it up again. It holds the token, but
// nothing of the caller's environment: the next command brings its own.
type saved struct {
	Record devmode.Record `json:"record"`
	Token  []byte         `json:"token"`
	session.Origin
	plan.State
	// Roots are the record's folders on this computer, in its order. No folder is synced because the cluster has it in
	// a record.
	Roots []string `json:"roots"`
	// Mounts are what the dev containers have mounted below the folders, by the folders' ids.
	Mounts map[string]contract.Mounts `json:"mounts,omitempty"`
	// Paused are the ids of the folders whose sync rests until it is resumed.
	Paused []string `json:"paused,omitempty"`
	// Wanted are the commands that are to run, by container.
	Wanted map[string]*commands.Wanted `json:"wishes,omitempty"`
}

// savedFormat is that of a session's document.
func savedFormat() store.Format { return store.Format{Kind: record.DevMode, Version: 1} }

// leadBy notes which kubeconfig leads to the session.
func (s *saved) leadBy(c *kube.Client) {
	s.Origin = session.LedBy(c, &s.Record.Place)
}

// save writes a session's state in one step.
func save(dirs userdirs.Dirs, s saved) error {
	return session.Write(dirs, s.Record.Session, savedFormat(), s)
}

// load reads a saved session, which has the name of its folder.
func load(file string) (saved, error) { return session.Read(file, savedFormat(), saved.check) }

// check says of which session it is, or why it can't be used.
func (s saved) check() (id string, err error) {
	if err := s.Record.Check("it"); err != nil {
		return "", err
	}
	if got, want := len(s.Roots), len(s.Record.Folders()); got != want {
		return "", fmt.Errorf("it has %d folders on this computer for %d of its record", got, want)
	}
	return s.Record.Session, nil
}

// forgetSaved removes what this computer has of a session that was ended without it, if it is of that very place.
func (k *Kind) forgetSaved(ctx context.Context, c *kube.Client, r devmode.Record) error {
	state, err := load(filepath.Join(k.dirs.Session(r.Session), session.File))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	place, placeErr := c.Place(ctx)
	if err := errors.Join(err, placeErr); err != nil {
		return err
	}
	if state.Record.Namespace != r.Namespace || !place.Same(state.Record.Place) {
		return nil
	}
	return session.Remove(k.dirs, r.Session)
}

// stored is a saved session that may live or not.
type stored struct {
	kind  *Kind
	state saved
}

// Load reads what this computer keeps of a session.
func (k *Kind) Load(file string) (session.Stored, error) {
	state, err := load(file)
	return stored{kind: k, state: state}, err
}

// ID is the session's id.
func (s stored) ID() string { return s.state.Record.Session }

// Work is the key of what one call at a time may do.
func (s stored) Work() string { return work(s.state.Record.Place, s.state.Record) }

// View shows the session where no cluster is asked.
func (s stored) View() rpc.Session {
	view := session.ViewOf(s.state.Record)
	view.Mine, view.Context = true, s.state.Context
	text := s.state.Unanswered()
	view.Notices = append(view.Notices, text)
	return view
}

// TakeUp serves the session again, with the credentials of a call. One whose start or end was cut short is put back.
func (s stored) TakeUp(ctx context.Context, caller rpc.Caller, v *session.Visitor) error {
	k, state, r := s.kind, s.state, s.state.Record
	c, err := session.Lead(ctx, v, caller, state.Origin, r.Namespace, r.Place)
	if err != nil {
		return err
	}
	state.leadBy(c)
	live := newSession(k.dirs, k.logger, c, state, k)
	if r.Phase != record.Active {
		release, err := k.registry.Reserve(s.Work())
		if err != nil {
			return err
		}
		k.registry.Go("put back a session", func(ctx context.Context) {
			defer release()
			k.putBack(ctx, live)
		})
		return nil
	}
	if err := live.Start(); err != nil {
		return err
	}
	k.logger.Info("session taken up again", "session", r.Session, "workload", r.Workload.String())
	k.registry.Add(live)
	if over := live.lookFor(ctx); over != "" {
		k.drop(live, over)
		return nil
	}
	live.serve()
	return nil
}

// putBackLimit limits the end of a session that was cut short.
const putBackLimit = 2 * time.Minute

// putBack ends a session that never became active, or was leaving.
func (k *Kind) putBack(ctx context.Context, s *Session) {
	ctx, cancel := context.WithTimeout(ctx, putBackLimit)
	defer cancel()
	r := s.record()
	force := r.Phase == record.Entering // nothing was edited there yet
	deps := devmode.Deps{Cluster: s.Client(), Link: s, Emit: func(event.Event) {}}
	err := devmode.Leave(ctx, deps, r, devmode.LeaveOptions{Force: force})
	s.Stop()
	if err == nil {
		err = session.Remove(k.dirs, r.Session)
	}
	if err != nil {
		k.logger.Error("put back", "session", r.Session, "error", err)
		return
	}
	k.logger.Info("put back a session that was cut short", "session", r.Session)
}
