package daemon

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/creachadair/jrpc2/handler"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/localsync"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/endpoint/control"
	"github.com/nhctl/nhctl/sidecar/filesync"
	"github.com/nhctl/nhctl/sidecar/filesync/ignore"
	"github.com/nhctl/nhctl/sidecar/filesync/kept"
)

// syncMethods are the calls about sync.
func (c *client) syncMethods() handler.Map {
	d := c.daemon
	return handler.Map{
		rpc.MethodSyncStatus:   call(c, d.syncStatus),
		rpc.MethodSyncWait:     call(c, d.syncWait),
		rpc.MethodSyncDo:       call(c, d.syncDo),
		rpc.MethodSyncVersions: call(c, d.syncVersions),
		rpc.MethodSyncExplain:  call(c, d.syncExplain),
		rpc.MethodSyncFolder:   call(c, d.syncFolder),
	}
}

// syncing finds a call's session, and the folders that it is about: those of the container that it names, else all.
func (d *Daemon) syncing(ctx context.Context, t rpc.Target) (*session, []*folder, error) {
	c, err := d.developed(ctx, t)
	if err != nil {
		return nil, nil, err
	}
	folders := c.synced()
	if t.Container != "" {
		folders = slices.DeleteFunc(folders, func(f *folder) bool { return f.container != c.Name })
	}
	if len(folders) == 0 {
		return nil, nil, problem.New(problem.Usage, "container %s has no synced folder", t.Container).WithHint("`nhctl dev sync status` lists them all")
	}
	return c.session, folders, nil
}

// syncData tells how each folder's sync is.
func syncData(ctx context.Context, folders []*folder) []event.SyncData {
	all := []event.SyncData{}
	for _, f := range folders {
		all = append(all, f.data(ctx))
	}
	return all
}

// explainStop makes a problem of what only the user can decide.
func explainStop(err error) error {
	switch {
	case errors.Is(err, filesync.ErrHeld):
		return problem.New(problem.SyncBlocked, "%w", err).
			WithHint("delete on the other side too: nhctl dev sync accept\nbring the files back: nhctl dev sync restore")
	case errors.Is(err, filesync.ErrPaused):
		return problem.New(problem.SyncBlocked, "%w", err).WithHint("go on with: nhctl dev sync resume")
	}
	return err
}

func (d *Daemon) syncStatus(ctx context.Context, t rpc.Target) ([]event.SyncData, error) {
	_, folders, err := d.syncing(ctx, t)
	if err != nil {
		return nil, err
	}
	return syncData(ctx, folders), nil
}

// defaultWait limits a wait for sync.
const defaultWait = time.Minute

// syncWait returns when everything that was saved before the call is in the container.
func (d *Daemon) syncWait(ctx context.Context, p rpc.SyncWait) ([]event.SyncData, error) {
	_, folders, err := d.syncing(ctx, p.Target)
	if err != nil {
		return nil, err
	}
	limit := p.Timeout
	if limit == 0 {
		limit = defaultWait
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := converge(ctx, folders); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return nil, problem.New(problem.Timeout, "not everything is in the container after %s: %w", limit, err).WithHint("`nhctl dev sync status` says what is missing")
		}
		return nil, err
	}
	return syncData(ctx, folders), nil
}

// syncDo pauses, decides, restores.
func (d *Daemon) syncDo(ctx context.Context, p rpc.SyncDo) (rpc.SyncDone, error) {
	s, folders, err := d.syncing(ctx, p.Target)
	if err != nil {
		return rpc.SyncDone{}, err
	}
	done := rpc.SyncDone{Action: p.Action}
	var ids []string
	for _, f := range folders {
		rel, ok := f.path(p.Path, p.Caller.Dir)
		if !ok {
			continue
		}
		files, err := f.act(ctx, p, rel)
		if err != nil {
			return done, explainStop(fmt.Errorf("%s: %w", p.Action, err))
		}
		done.Files += files
		done.Folders = append(done.Folders, f.root)
		ids = append(ids, f.id)
	}
	if len(done.Folders) == 0 {
		return done, problem.New(problem.Usage, "%s is in none of the synced folders", p.Path).WithHint("`nhctl dev sync status` lists them")
	}
	if p.Action == rpc.SyncPause || p.Action == rpc.SyncResume {
		return done, s.setPaused(p.Action == rpc.SyncPause, ids)
	}
	return done, nil
}

// setPaused writes down which folders rest, for a daemon to come.
func (s *session) setPaused(paused bool, ids []string) error {
	return s.keep(func(kept *saved) {
		rest := slices.DeleteFunc(slices.Clone(kept.Paused), func(id string) bool { return slices.Contains(ids, id) })
		if paused {
			rest = append(rest, ids...)
		}
		kept.Paused = rest
	})
}

// path makes a path relative to the folder, with slashes; "" names all of it. One that is not absolute is meant from the caller's
// folder where that is inside, else from the synced folder.
func (f *folder) path(name, dir string) (string, bool) {
	if name == "" {
		return "", true
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	if !filepath.IsAbs(name) {
		if rel, err := filepath.Rel(f.root, dir); err != nil || !filepath.IsLocal(rel) {
			dir = f.root
		}
		name = filepath.Join(dir, name)
	} else if parent, err := filepath.EvalSymlinks(filepath.Dir(name)); err == nil {
		name = filepath.Join(parent, filepath.Base(name))
	}
	rel, err := filepath.Rel(f.root, name)
	if err != nil || !filepath.IsLocal(rel) {
		return "", false
	}
	if rel == "." {
		rel = ""
	}
	return filepath.ToSlash(rel), true
}

// act does one action with a folder, on both sides where that is meant, and returns how many files it was about.
func (f *folder) act(ctx context.Context, p rpc.SyncDo, rel string) (int, error) {
	both := func(here func() (int, error), there control.Do) (int, error) {
		n, err := here()
		if err != nil {
			return n, err
		}
		there.Path = rel
		m, err := f.do(ctx, there)
		return n + m, err
	}
	switch p.Action {
	case rpc.SyncPause, rpc.SyncResume:
		return 0, f.engine.Pause(ctx, p.Action == rpc.SyncPause)
	case rpc.SyncOverride:
		return f.override(ctx)
	case rpc.SyncReset:
		return 0, f.reset(ctx)
	case rpc.SyncAccept:
		return both(func() (int, error) { return f.engine.Accept(ctx) }, control.Do{Action: control.Accept})
	case rpc.SyncRestore:
		if rel == "" {
			return both(func() (int, error) { return f.engine.Restore(ctx) }, control.Do{Action: control.Restore})
		}
		return both(func() (int, error) { return f.engine.Recover(ctx, rel) }, control.Do{Action: control.Recover})
	case rpc.SyncResolve:
		return both(func() (int, error) { return f.engine.Resolve(ctx, rel, p.Side == event.Here) },
			control.Do{Action: control.Resolve, Loser: p.Side == event.InPod})
	}
	return 0, problem.New(problem.Usage, "no such action: %s", p.Action)
}

// override makes the computer's content count wherever the two sides differ.
func (f *folder) override(ctx context.Context) (int, error) {
	if !f.current().Type.Sends() {
		return 0, problem.New(problem.Refused, "%s only receives: nothing here goes to the pod", f.root).WithHint("set dev.sync.type to send or sendReceive")
	}
	if !f.current().Type.Receives() { // what the pod changed is unknown here, and the pod gives it up itself
		if _, err := f.do(ctx, control.Do{Action: control.Revert}); err != nil {
			return 0, err
		}
	}
	n, err := f.engine.Override(ctx, f)
	if err != nil {
		return n, err
	}
	return n, f.converge(ctx)
}

// reset forgets both indexes, and compares the two sides anew.
func (f *folder) reset(ctx context.Context) error {
	err := func() error {
		f.joining.Lock()
		defer f.joining.Unlock()
		if _, err := f.do(ctx, control.Do{Action: control.Reset}); err != nil {
			return fmt.Errorf("in the pod: %w", err)
		}
		return f.engine.Reset(ctx)
	}()
	if err != nil {
		return err
	}
	return f.converge(ctx)
}

// syncVersions lists what is kept of the files that sync overwrote or deleted, newest first.
func (d *Daemon) syncVersions(ctx context.Context, p rpc.SyncPath) ([]rpc.SyncVersion, error) {
	_, folders, err := d.syncing(ctx, p.Target)
	if err != nil {
		return nil, err
	}
	all := []rpc.SyncVersion{}
	for _, f := range folders {
		rel, ok := f.path(p.Path, p.Caller.Dir)
		if !ok {
			continue
		}
		here, err := f.engine.Versions(rel)
		if err != nil {
			return nil, err
		}
		there, err := f.versionsThere(ctx, rel)
		if err != nil {
			return nil, fmt.Errorf("ask the pod for its versions: %w", err)
		}
		for side, versions := range map[string][]kept.Version{event.Here: here, event.InPod: there} {
			for _, v := range versions {
				if !p.Conflicts || v.Reason == kept.Conflict {
					all = append(all, rpc.SyncVersion{Folder: f.root, Side: side, Version: v})
				}
			}
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Time.After(all[j].Time) })
	return all, nil
}

// syncExplain says why a path is synced or not.
func (d *Daemon) syncExplain(ctx context.Context, p rpc.SyncPath) (ignore.Reason, error) {
	_, folders, err := d.syncing(ctx, p.Target)
	if err != nil {
		return ignore.Reason{}, err
	}
	for _, f := range folders {
		if rel, ok := f.path(strings.TrimSuffix(p.Path, "/"), p.Caller.Dir); ok {
			return f.current().Explain(f.root, rel, localsync.Rules(ctx, f.root, p.Caller.Env, f.image())), nil
		}
	}
	return ignore.Reason{}, problem.New(problem.Usage, "%s is in none of the synced folders", p.Path).WithHint("`nhctl dev sync status` lists them")
}
