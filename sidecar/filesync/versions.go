package filesync

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/nhctl/nhctl/sidecar/filesync/ignore"
	"github.com/nhctl/nhctl/sidecar/filesync/kept"
	"github.com/nhctl/nhctl/sidecar/filesync/rooted"
)

// Versions lists what is kept here of a path and all below it, newest first; "" means all.
func (e *Engine) Versions(rel string) ([]kept.Version, error) { return e.folder.Kept().List(rel) }

// Conflicts lists the losers of conflicts that no one has decided yet.
func (e *Engine) Conflicts() ([]kept.Version, error) {
	all, err := e.folder.Kept().List("")
	var open []kept.Version
	for _, v := range all {
		if v.Reason == kept.Conflict {
			open = append(open, v)
		}
	}
	return open, err
}

// Recover puts the newest kept version of a path, and of all below it, in place again; what is there now is kept in
// turn.
func (e *Engine) Recover(ctx context.Context, rel string) (int, error) {
	all, err := e.folder.Kept().List(rel)
	if err != nil {
		return 0, err
	}
	done := map[string]bool{}
	for _, v := range all {
		if done[v.Path] {
			continue
		}
		if err := e.recoverOne(v); err != nil {
			return len(done), err
		}
		done[v.Path] = true
	}
	return len(done), e.Scan(ctx)
}

// RecoverVersion puts one version that is kept here in place again, as Recover does with the newest.
func (e *Engine) RecoverVersion(ctx context.Context, id string) error {
	v, err := e.folder.Kept().Find(id)
	if err != nil {
		return err
	}
	if err := e.recoverOne(v); err != nil {
		return err
	}
	return e.Scan(ctx)
}

func (e *Engine) recoverOne(v kept.Version) error {
	if err := e.putBack(v); err != nil || v.Reason != kept.First {
		return err
	}
	return e.folder.Kept().Settle(v) // that is the decision
}

// ErrProtected says that nothing is written under a name, whoever wants it.
var ErrProtected = errors.New("files of that name are not written by sync")

// unwritten says whether no version is put in place under a path's name: on the computer none of what programs there
// act on, in the pod none of what does not travel at all.
func (e *Engine) unwritten(rel string) bool {
	class := e.config.Settings.names().Of(rel).Class
	return class == ignore.Never || class == ignore.OneWay && e.config.Side == Local
}

func (e *Engine) putBack(v kept.Version) error {
	if e.unwritten(v.Path) {
		return fmt.Errorf("restore %s: %w", v.Path, ErrProtected)
	}
	info, err := rooted.Lstat(e.config.Root, v.Path)
	switch {
	case err == nil && !info.IsDir():
		_, err = e.folder.Kept().Keep(e.config.Root, v.Path, v.Path, kept.Replaced)
	case errors.Is(err, os.ErrNotExist):
		err = nil
	}
	if err != nil {
		return fmt.Errorf("restore %s: %w", v.Path, err)
	}
	return e.folder.Kept().Restore(v, e.config.Root, v.Path)
}

// Resolve decides the conflicts of a path and of all below it: for the content that lost here, or for what is there
// now. The other content stays among the versions.
func (e *Engine) Resolve(ctx context.Context, rel string, loser bool) (int, error) {
	all, err := e.folder.Kept().List(rel)
	if err != nil {
		return 0, err
	}
	n := 0
	done := map[string]bool{}
	for _, v := range all { // of several losers of a path, the newest counts
		if v.Reason != kept.Conflict {
			continue
		}
		if loser && !done[v.Path] {
			if err := e.putBack(v); err != nil {
				return n, err
			}
			done[v.Path] = true
		}
		if err := e.folder.Kept().Settle(v); err != nil {
			return n, err
		}
		n++
	}
	return n, e.Scan(ctx)
}

// Version opens one that is kept here, and returns its size in bytes. The caller closes it.
func (e *Engine) Version(id string) (io.ReadCloser, int64, error) { return e.folder.Kept().Read(id) }

// Import keeps a version of the other side here, where it outlives that side, and returns its file.
func (e *Engine) Import(id string, from io.Reader) (string, error) {
	if (ignore.Protection{}).Of(id).Class != ignore.Free {
		return "", fmt.Errorf("keep %s: %w", id, ErrProtected)
	}
	return e.folder.Kept().Import(id, from)
}
