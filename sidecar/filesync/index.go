package filesync

import (
	"os"
	"slices"
	"time"

	"github.com/syncthing/syncthing/lib/protocol"
)

// index is what the folder on disk asks about the files.
type index struct{ *Engine }

// Ours says whether this side made the present content of a file.
func (e index) Ours(name string) bool {
	f, ok, err := e.model.CurrentFolderFile(e.config.FolderID, name)
	if err != nil || !ok || f.ModifiedBy == e.me.Short() {
		return true
	}
	own, _, err := e.owned.Bool(name)
	return err != nil || own
}

// Own notes that the content of a file is this side's, though the other side changed its attributes.
func (e index) Own(name string, ours bool) {
	err := error(nil)
	if ours {
		err = e.owned.PutBool(name, true)
	} else if was, known, _ := e.owned.Bool(name); was || known {
		err = e.owned.Delete(name)
	}
	if err != nil {
		e.config.Logger.Warn("note whose content it is", "file", name, "error", err)
	}
}

// Entry is what the index has of a path that exists, nil for nothing.
func (e index) Entry(name string) *protocol.FileInfo {
	f, ok, err := e.model.CurrentFolderFile(e.config.FolderID, name)
	if err != nil || !ok || f.Deleted || f.IsInvalid() {
		return nil
	}
	return &f
}

// Holds says whether the index has such a file below a folder.
func (e index) Holds(dir string, such func(name string) bool) bool {
	snapshot, err := e.model.DBSnapshot(e.config.FolderID)
	if err != nil {
		return false
	}
	defer snapshot.Release()
	found := false
	snapshot.WithPrefixedHaveTruncated(protocol.LocalDeviceID, dir, func(f protocol.FileInfo) bool {
		found = isFile(f) && such(f.Name)
		return !found
	})
	return found
}

// Unchanged says whether a file is as the index has it. What the index does not have is nothing to compare with.
func (e index) Unchanged(name string, info os.FileInfo) bool {
	f, ok, err := e.model.CurrentFolderFile(e.config.FolderID, name)
	if err != nil || !ok || !isFile(f) {
		return true
	}
	at := info.ModTime()
	// Where the file system can't keep a time to the nanosecond, the model remembers which it means.
	if m, err := e.model.GetMtimeMapping(e.config.FolderID, name); err == nil && m.Real.Equal(at) {
		at = m.Virtual
	}
	return info.Size() == f.Size && at.Equal(f.ModTime())
}

// Incoming is when a file that is coming was saved on the other side, and whether that was in place.
func (e index) Incoming(name string) (modified time.Time, inPlace bool) {
	f, ok, err := e.model.CurrentGlobalFile(e.config.FolderID, name)
	if err != nil || !ok || !isFile(f) {
		return time.Time{}, false
	}
	marks := f.Platform.Linux
	replaced := marks != nil && slices.ContainsFunc(marks.Xattrs,
		func(x protocol.Xattr) bool { return x.Name == markReplaced })
	return f.ModTime(), !replaced
}
