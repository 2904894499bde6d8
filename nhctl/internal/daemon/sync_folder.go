package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/localsync"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/endpoint/control"
)

// syncFolder puts another folder of this computer in the place of one that is synced.
func (d *Daemon) syncFolder(ctx context.Context, p rpc.SyncFolder) (rpc.SyncDone, error) {
	done := rpc.SyncDone{Action: rpc.SyncFolderAction}
	s, folders, err := d.syncing(ctx, p.Target)
	if err != nil {
		return done, err
	}
	root, err := localsync.CheckRoot(p.Folder, p.Caller.Env["HOME"])
	if err != nil {
		return done, err
	}
	at, err := s.folderAt(folders, p.Of, root)
	if err != nil {
		return done, err
	}
	release, err := d.reserve(s.record().Session)
	if err != nil {
		return done, err
	}
	defer release()
	quiet := s.tell(emitter(ctx))
	defer quiet()
	ctx, cancel := context.WithTimeout(ctx, defaultWait)
	defer cancel()
	f, err := s.changeFolder(ctx, at, root, p.Caller.Env)
	if err != nil {
		return done, fmt.Errorf("sync %s: %w", root, err)
	}
	if err := f.deliver(ctx); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = problem.New(problem.Timeout, "%s is synced now, but not everything is in the container after %s: %w", root, defaultWait, err).
				WithHint("`nhctl dev sync status` says how far it is")
		}
		return done, explainStop(err)
	}
	done.Folders, done.Files = []string{root}, f.differed
	return done, nil
}

// folderAt finds the folder to change among those of the call: the one named, or the first.
func (s *session) folderAt(among []*folder, of, root string) (int, error) {
	if real, err := filepath.EvalSymlinks(of); err == nil && of != "" {
		of = real
	}
	at := -1
	for i, f := range s.synced() {
		if f.root == root {
			return 0, problem.New(problem.Usage, "%s is synced already", root)
		}
		if of == "" && f == among[0] || f.root == of {
			at = i
		}
	}
	if at < 0 {
		return 0, problem.New(problem.Usage, "%s is none of the synced folders", of).WithHint("`nhctl dev sync status` lists them")
	}
	return at, nil
}

// changeFolder ends the sync of a folder and begins that of another with the pod's. The pod forgets its index first: should this be cut
// short, the two sides are compared anew in any case.
func (s *session) changeFolder(ctx context.Context, at int, root string, env map[string]string) (*folder, error) {
	old := s.synced()[at]
	old.stop()
	_, err := old.do(ctx, control.Do{Action: control.Reset})
	if err != nil {
		err = fmt.Errorf("prepare the folder in the pod: %w", err)
		root = old.root
	} else if err = os.RemoveAll(old.state); err != nil {
		err = fmt.Errorf("forget the index of %s: %w", old.root, err)
		root = old.root
	}
	settings := old.current()
	if settings.GitIgnore {
		settings.Rules = localsync.Rules(ctx, root, env, old.image())
	}
	f, openErr := s.openFolder(record.Folder{ID: old.id, Container: old.container, Local: root}, settings, old.state, old.logger)
	if openErr != nil {
		return nil, errors.Join(err, openErr)
	}
	if err == nil {
		err = s.moved(ctx, at, f)
	}
	s.mu.Lock()
	s.folders[at] = f
	s.mu.Unlock()
	s.serveFolder(f)
	return f, err
}

// moved writes down which folder is synced, here and in the cluster.
func (s *session) moved(ctx context.Context, at int, f *folder) error {
	err := s.keep(func(kept *saved) {
		kept.Roots = slices.Clone(kept.Roots)
		kept.Roots[at] = f.root
		if at == 0 {
			kept.Record.Folder, kept.Settings = f.root, f.settings
			return
		}
		kept.Record.More = slices.Clone(kept.Record.More)
		kept.Record.More[at-1].Local = f.root
		if at <= len(kept.More) {
			kept.More = slices.Clone(kept.More)
			kept.More[at-1] = f.settings
		}
	})
	if err != nil {
		return fmt.Errorf("keep the session on this computer: %w", err)
	}
	return devmode.Update(ctx, s.client(), s.record())
}
