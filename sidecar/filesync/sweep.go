package filesync

import (
	"errors"
	iofs "io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/nhctl/nhctl/sidecar/filesync/kept"
)

// leftoverAge is how long nothing must have happened to a temporary file before it counts as left by an engine that was killed.
const leftoverAge = time.Minute

// sweep removes the temporary files that are left of engines that were killed, if nothing happened to them since a time. One that may
// still be completed stays.
func (e *Engine) sweep(temporary []string, since time.Time) {
	if len(temporary) == 0 {
		return
	}
	snapshot, err := e.model.DBSnapshot(e.config.FolderID)
	if err != nil {
		return
	}
	needs := snapshot.NeedSize(protocol.LocalDeviceID).TotalItems()
	snapshot.Release()
	root := fs.NewFilesystem(fs.FilesystemTypeBasic, e.config.Root)
	for _, name := range temporary {
		info, err := root.Lstat(name)
		if err != nil || needs > 0 || touched(info).After(since) {
			continue
		}
		err = nil
		if base, was := strings.CutPrefix(filepath.Base(name), goingPrefix); was { // it was to be deleted, and may be another by now
			base = strings.TrimSuffix(base, ".tmp")
			_, err = e.place.kept.Keep(e.config.Root, name, filepath.Join(filepath.Dir(name), base), kept.Deleted)
		}
		if err == nil {
			err = root.Remove(name)
		}
		if err != nil && !errors.Is(err, iofs.ErrNotExist) {
			e.config.Logger.Warn("remove a leftover", "file", name, "error", err)
		}
	}
}

// touched is when something happened to a file last, be it that it got its name.
func touched(info fs.FileInfo) time.Time {
	if at := info.InodeChangeTime(); at.After(info.ModTime()) {
		return at
	}
	return info.ModTime()
}
