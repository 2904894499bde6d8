package filesync

import (
	"errors"
	iofs "io/fs"
	"time"

	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/nhctl/nhctl/sidecar/filesync/folderfs"
	"github.com/nhctl/nhctl/sidecar/filesync/kept"
	"github.com/nhctl/nhctl/sidecar/filesync/rooted"
)

// leftoverAge is how long nothing must have happened to a temporary file before it counts as left by an engine that was
// killed.
const leftoverAge = time.Minute

// sweep removes the temporary files that are left of engines that were killed, if nothing happened to them since a
// time. One that may still be completed stays.
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
		if was, going := folderfs.Going(name); going { // it was to be deleted, and may be another by now
			_, err = e.folder.Kept().Keep(e.config.Root, name, was, kept.Deleted)
		}
		if err == nil {
			err = rooted.Remove(e.config.Root, name)
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
