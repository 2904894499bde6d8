package folders

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/localsync"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/endpoint/control"
	"github.com/nhctl/nhctl/sidecar/filesync/ignore"
	"github.com/nhctl/nhctl/sidecar/filesync/kept"
)

// Path makes a path relative to the folder, with slashes; "" names all of it. One that is not absolute is meant from
// the caller's folder where that is inside, else from the synced folder.
func (f *Folder) Path(name, dir string) (string, bool) {
	if name == "" {
		return "", true
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	if !filepath.IsAbs(name) {
		if rel, err := filepath.Rel(f.Root, dir); err != nil || !filepath.IsLocal(rel) {
			dir = f.Root
		}
		name = filepath.Join(dir, name)
	} else if parent, err := filepath.EvalSymlinks(filepath.Dir(name)); err == nil {
		name = filepath.Join(parent, filepath.Base(name))
	}
	rel, err := filepath.Rel(f.Root, name)
	if err != nil || !filepath.IsLocal(rel) {
		return "", false
	}
	if rel == "." {
		rel = ""
	}
	return filepath.ToSlash(rel), true
}

// Act does one action with a folder, on both sides where that is meant, and returns how many files it was about.
func (f *Folder) Act(ctx context.Context, p rpc.SyncDo, rel string) (int, error) {
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
		if p.Version != "" {
			return f.restoreVersion(ctx, rel, p.Side, p.Version)
		}
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
func (f *Folder) override(ctx context.Context) (int, error) {
	if !f.Current().Type.Sends() {
		return 0, problem.New(problem.Refused, "%s only receives: nothing here goes to the pod", f.Root).
			WithHint("set dev.sync.type to send or sendReceive")
	}
	if !f.Current().Type.Receives() { // what the pod changed is unknown here, and the pod gives it up itself
		if _, err := f.do(ctx, control.Do{Action: control.Revert}); err != nil {
			return 0, err
		}
	}
	n, err := f.engine.Override(ctx, f)
	if err != nil {
		return n, err
	}
	return n, f.Converge(ctx)
}

// reset forgets both indexes, and compares the two sides again.
func (f *Folder) reset(ctx context.Context) error {
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
	return f.Converge(ctx)
}

// Versions lists what is kept of a path's files that sync overwrote or deleted, by the side that keeps it.
func (f *Folder) Versions(ctx context.Context, rel string) (map[string][]kept.Version, error) {
	here, err := f.engine.Versions(rel)
	if err != nil {
		return nil, err
	}
	there, err := f.versionsThere(ctx, rel)
	if err != nil {
		return nil, fmt.Errorf("ask the pod for its versions: %w", err)
	}
	return map[string][]kept.Version{event.Here: here, event.InPod: there}, nil
}

// Explain says why a path is synced or not.
func (f *Folder) Explain(ctx context.Context, rel string, env map[string]string) ignore.Reason {
	r := f.Current().Explain(f.Root, rel, localsync.Rules(ctx, f.Root, env, f.Image))
	r.Source = f.source(r.File)
	return r
}

// source is where a rule's file is: named from the folder, or by an absolute path. Rules of the config, or of an image,
// are in none.
func (f *Folder) source(file string) string {
	if file == "" {
		return ""
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(f.Root, filepath.FromSlash(file))
	}
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return file
}

// Differed is how many files had different contents when the two sides were joined for the first time.
func (f *Folder) Differed() int { return f.differed }

// Forget has the pod forget its index of the folder: the two sides are compared again once they are joined.
func (f *Folder) Forget(ctx context.Context) error {
	_, err := f.do(ctx, control.Do{Action: control.Reset})
	return err
}

// SetMounts leaves out what the pod has mounted below the folder.
func (f *Folder) SetMounts(ctx context.Context, mounts contract.Mounts) {
	f.choosing.Lock()
	f.settings.Mounts = mounts
	f.choosing.Unlock()
	if err := f.engine.Apply(ctx, f.Current()); err != nil { // it holds all the same, from the next scan on
		f.Logger.Warn("leave out the mounts", "folder", f.Root, "error", err)
	}
}
