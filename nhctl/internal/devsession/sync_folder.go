package devsession

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/folders"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/lease"
	"github.com/nhctl/nhctl/nhctl/internal/localsync"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/record"
)

// syncFolder puts another folder of this computer in the place of one that is synced.
func (k *Kind) syncFolder(ctx context.Context, p rpc.SyncFolder) (rpc.SyncDone, error) {
	done := rpc.SyncDone{Action: rpc.SyncFolderAction}
	s, among, err := k.syncing(ctx, p.Target)
	if err != nil {
		return done, err
	}
	root, err := localsync.CheckRoot(p.Folder, p.Caller.Env["HOME"])
	if err != nil {
		return done, err
	}
	at, err := s.folderAt(among, p.Of, root)
	if err != nil {
		return done, err
	}
	release, err := k.registry.Reserve(s.record().Session)
	if err != nil {
		return done, err
	}
	defer release()
	quiet := s.Tell(event.Sink(ctx))
	defer quiet()
	ctx, cancel := context.WithTimeout(ctx, defaultWait)
	defer cancel()
	f, err := s.changeFolder(ctx, at, root, p.Caller.Env)
	if err != nil {
		return done, fmt.Errorf("sync %s: %w", root, err)
	}
	if err := f.Deliver(ctx); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = problem.New(problem.Timeout,
				"%s is synced now, but not everything is in the container after %s: %w", root, defaultWait, err).
				WithHint("`nhctl dev sync status` says how far it is")
		}
		return done, folders.ExplainStop(err)
	}
	done.Folders, done.Files = []string{root}, f.Differed()
	return done, nil
}

// folderAt finds the folder to change among those of the call: the one named, or the first.
func (s *Session) folderAt(among folders.Set, of, root string) (int, error) {
	if real, err := filepath.EvalSymlinks(of); err == nil && of != "" {
		of = real
	}
	at := -1
	for i, f := range s.folders() {
		if f.Root == root {
			return 0, problem.New(problem.Usage, "%s is synced already", root)
		}
		if of == "" && f == among[0] || f.Root == of {
			at = i
		}
	}
	if at < 0 {
		return 0, problem.New(problem.Usage, "%s is none of the synced folders", of).
			WithHint("`nhctl dev sync status` lists them")
	}
	return at, nil
}

// changeFolder ends the sync of a folder and begins that of another with the pod's. The pod forgets its index first:
// should this be cut short, the two sides are compared again in any case.
func (s *Session) changeFolder(
	ctx context.Context, at int, root string, env map[string]string,
) (*folders.Folder, error) {
	s.mu.Lock()
	old := s.opened[at]
	s.mu.Unlock()
	old.stop()
	err := old.Forget(ctx)
	if err != nil {
		err = fmt.Errorf("prepare the folder in the pod: %w", err)
		root = old.Root
	} else if err = os.RemoveAll(old.State); err != nil {
		err = fmt.Errorf("forget the index of %s: %w", old.Root, err)
		root = old.Root
	}
	settings := old.Current()
	if settings.GitIgnore {
		settings.Rules = localsync.Rules(ctx, root, env, old.Image)
	}
	f, openErr := s.openFolder(record.Folder{ID: old.ID, Container: old.Container, Local: root}, settings, old.State)
	if openErr != nil {
		return nil, errors.Join(err, openErr)
	}
	if err == nil {
		err = s.moved(ctx, at, f)
	}
	opened := &openFolder{Folder: f}
	s.serveFolder(opened)
	s.mu.Lock()
	s.opened[at] = opened
	s.mu.Unlock()
	return f, err
}

// moved writes down which folder is synced, here and in the cluster.
func (s *Session) moved(ctx context.Context, at int, f *folders.Folder) error {
	err := s.document.Edit(func(kept *saved) {
		kept.Roots = slices.Clone(kept.Roots)
		kept.Roots[at] = f.Root
		if at == 0 {
			kept.Record.Folder, kept.Settings = f.Root, f.Current()
			return
		}
		kept.Record.More = slices.Clone(kept.Record.More)
		kept.Record.More[at-1].Local = f.Root
		if at <= len(kept.More) {
			kept.More = slices.Clone(kept.More)
			kept.More[at-1] = f.Current()
		}
	})
	if err != nil {
		return fmt.Errorf("keep the session on this computer: %w", err)
	}
	return lease.Update(ctx, s.Client(), s.record())
}
