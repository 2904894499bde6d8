package filesync

import (
	"slices"

	"github.com/syncthing/syncthing/lib/protocol"
)

// markReplaced is the name of the mark on an entry of the index whose file was replaced, not saved in place. It travels
// as an extended attribute, which sync has no other use for.
const markReplaced = "nhctl.replaced"

// marked are the entries of an update with marks on the files that were replaced here.
func (c *eager) marked(files []protocol.FileInfo) []protocol.FileInfo {
	files = slices.Clone(files)
	for i := range files {
		f := &files[i]
		f.Platform.Linux = nil
		if f.ModifiedBy == c.me && isFile(*f) && c.replaced(f.Name) {
			f.Platform.Linux = &protocol.XattrData{Xattrs: []protocol.Xattr{{Name: markReplaced}}}
		}
	}
	return files
}
