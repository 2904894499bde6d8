package filesync

import (
	"os"

	"github.com/syncthing/syncthing/lib/protocol"
)

// ours says whether this side made the present content of a file.
func (e *Engine) ours(name string) bool {
	f, ok, err := e.model.CurrentFolderFile(e.config.FolderID, name)
	if err != nil || !ok || f.ModifiedBy == e.me.Short() {
		return true
	}
	own, _, err := e.owned.Bool(name)
	return err != nil || own
}

// own notes that the content of a file is this side's, though the other side changed its attributes.
func (e *Engine) own(name string, ours bool) {
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

// entry is what the index has of a path that exists, nil for nothing.
func (e *Engine) entry(name string) *protocol.FileInfo {
	f, ok, err := e.model.CurrentFolderFile(e.config.FolderID, name)
	if err != nil || !ok || f.Deleted || f.IsInvalid() {
		return nil
	}
	return &f
}

// holds says whether the index has such a file below a folder.
func (e *Engine) holds(dir string, such func(name string) bool) bool {
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

// unchanged says whether a file is as the index has it. What the index does not have is nothing to compare with.
func (e *Engine) unchanged(name string, info os.FileInfo) bool {
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
