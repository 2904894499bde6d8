package filesync

import (
	"hash/maphash"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/protocol"
)

// inodes tell how a file was saved: in place, so that it is the same file as before, or by another that took its place. Where that is
// not known, as after a start and on systems without inodes, it counts as in place: a watch on the file lives on.
type inodes struct {
	seed maphash.Seed
	mu   sync.Mutex
	of   map[uint64]inode // by the hash of the name: there may be very many
}

// inode is the one that a name had when the peer was told of it last, and the one that it has.
type inode struct{ told, now uint64 }

func newInodes() *inodes { return &inodes{seed: maphash.MakeSeed(), of: map[uint64]inode{}} }

func (i *inodes) key(name string) uint64 { return maphash.String(i.seed, name) }

// look notes which file has a name, by what the system says of it.
func (i *inodes) look(name string, sys any) {
	id, _ := severalNames(sys)
	if id.inode == 0 {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	key := i.key(name)
	known := i.of[key]
	if known.told == 0 {
		known.told = id.inode
	}
	known.now = id.inode
	i.of[key] = known
}

// came notes a file that the peer knows of: it came from there.
func (i *inodes) came(name string, info os.FileInfo) {
	id, _ := severalNames(info.Sys())
	i.mu.Lock()
	defer i.mu.Unlock()
	i.of[i.key(name)] = inode{id.inode, id.inode}
}

// replaced says whether a name has another file than when it was asked for last.
func (i *inodes) replaced(name string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	key := i.key(name)
	known, ok := i.of[key]
	if ok {
		i.of[key] = inode{known.now, known.now}
	}
	return known.told != known.now
}

// markReplaced is the name of the mark on an entry of the index whose file was replaced, not saved in place. It travels as an extended
// attribute, which sync has no other use for.
const markReplaced = "nhctl.replaced"

// marked are the entries of an update with marks on the files that were replaced here.
func (c *eager) marked(files []protocol.FileInfo) []protocol.FileInfo {
	files = slices.Clone(files)
	for i := range files {
		f := &files[i]
		f.Platform.Linux = nil
		if f.ModifiedBy == c.me && isFile(*f) && c.inodes.replaced(f.Name) {
			f.Platform.Linux = &protocol.XattrData{Xattrs: []protocol.Xattr{{Name: markReplaced}}}
		}
	}
	return files
}

// incoming is when a file that is coming was saved on the other side, and whether that was in place.
func (e *Engine) incoming(name string) (modified time.Time, inPlace bool) {
	f, ok, err := e.model.CurrentGlobalFile(e.config.FolderID, name)
	if err != nil || !ok || !isFile(f) {
		return time.Time{}, false
	}
	marks := f.Platform.Linux
	replaced := marks != nil && slices.ContainsFunc(marks.Xattrs, func(x protocol.Xattr) bool { return x.Name == markReplaced })
	return f.ModTime(), !replaced
}
