package filesync

import (
	"fmt"
	"slices"

	"github.com/syncthing/syncthing/lib/protocol"
)

// markReplaced is the name of the mark on an entry of the index whose file was replaced, not saved in place. It travels
// as an extended attribute, which sync has no other use for.
const markReplaced = "nhctl.replaced"

// marked are the entries of an index or an update with marks on the files that were replaced here.
func (c *eager) marked(files []protocol.FileInfo) []protocol.FileInfo {
	files = slices.Clone(files)
	for i := range files {
		f := &files[i]
		f.Platform.Linux = nil
		if f.ModifiedBy == c.me && isFile(*f) && c.replaced(*f) {
			f.Platform.Linux = &protocol.XattrData{Xattrs: []protocol.Xattr{{Name: markReplaced}}}
		}
	}
	return files
}

// replaced says whether a file that was saved here is another one than the peer has.
func (e *Engine) replaced(f protocol.FileInfo) bool {
	return e.folder.Replaced(f.Name, f.Version.Counter(e.me.Short()), func(version uint64) bool {
		snapshot, err := e.ids.Snapshot()
		if err != nil {
			return false
		}
		defer snapshot.Release()
		theirs, ok := snapshot.Get(e.peer(), f.Name)
		return ok && theirs.Version.Counter(e.me.Short()) >= version
	})
}

// noteKnown tells the folder what the index has of its files, before the model runs: they may be others by now.
func (e *Engine) noteKnown() error {
	snapshot, err := e.ids.Snapshot()
	if err != nil {
		return fmt.Errorf("read the index: %w", err)
	}
	defer snapshot.Release()
	lacks := map[string]bool{}
	snapshot.WithNeedTruncated(e.peer(), func(f protocol.FileInfo) bool {
		lacks[f.Name] = true
		return true
	})
	snapshot.WithHaveTruncated(protocol.LocalDeviceID, func(f protocol.FileInfo) bool {
		if isFile(f) {
			e.folder.Known(f.Name, f.ModTime(), f.InodeChangeTime(), f.Size, lacks[f.Name])
		}
		return true
	})
	return nil
}
