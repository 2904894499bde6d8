package folderfs

import (
	"hash/maphash"
	"math"
	"path/filepath"
	"sync"
)

// inodes tell how a file was saved: in place, so that it is the same file as before, or by another that took its place.
// Where that is not known, as on systems without inodes, it counts as in place: a watch on the file lives on.
type inodes struct {
	root string
	seed maphash.Seed
	mu   sync.Mutex
	of   map[uint64]inode // by the hash of the name: there may be very many
}

// inode is what is known of a name's file.
type inode struct {
	// told is the file that the peer was told of last, now the one that there is.
	told, now identity
	// version is the one that the peer was told of last, and replaced what it was told of that.
	version  uint64
	replaced bool
	// indexed is the file as an earlier run has left it in the index, until this run looks at it.
	indexed *indexed
}

// indexed is a file in the index: when it was saved and when its inode was changed last, in nanoseconds since 1970, and
// its size. The peer lacks what it was not told of, or has not taken yet; how that was saved is not known any more.
type indexed struct {
	saved, changed, size int64
	lacks                bool
}

// identity tells a file from others. The number alone does not: two saves later it may be in use again.
type identity struct {
	inode uint64
	born  int64 // in nanoseconds since 1970; 0 where the file system does not say
}

// another is the identity of a file of which no more is known than that it is not the one that there is.
func another() identity { return identity{inode: math.MaxUint64} }

// stat is what the system says of a file.
type stat interface {
	Size() int64
	Sys() any
}

// times are a file's, in nanoseconds since 1970; 0 where they are not known.
type times struct{ born, changed, saved int64 }

func newInodes(root string) *inodes {
	return &inodes{root: root, seed: maphash.MakeSeed(), of: map[uint64]inode{}}
}

// identity is that of the file of a name, as info has found it.
func (i *inodes) identity(name string, info stat) (identity, times) {
	id, _ := severalNames(info.Sys())
	if id.inode == 0 {
		return identity{}, times{}
	}
	t := timesOf(filepath.Join(i.root, name), id.inode)
	return identity{id.inode, t.born}, t
}

func (i *inodes) key(name string) uint64 { return maphash.String(i.seed, name) }

// known notes a file as an earlier run has left it in the index. It comes before all else.
func (i *inodes) known(name string, f indexed) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.of[i.key(name)] = inode{indexed: &f}
}

// look notes which file has a name.
func (i *inodes) look(name string, info stat) {
	id, t := i.identity(name, info)
	if id.inode == 0 {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	key := i.key(name)
	known := i.of[key]
	if known.told.inode == 0 {
		known.told = id
		if f := known.indexed; f != nil && (f.lacks || f.replacedBy(t, info.Size())) {
			known.told = another()
		}
		known.indexed = nil
	}
	known.now = id
	i.of[key] = known
}

// replacedBy says whether another file has taken the place of the indexed one while no one looked: one that was made
// later, or whose last change was no write.
func (f indexed) replacedBy(t times, size int64) bool {
	switch {
	case t.changed == 0, t.saved == f.saved && size == f.size: // it is not known, or as it was
		return false
	}
	return t.born > f.changed || t.changed != t.saved
}

// came notes a file that the peer knows of: it came from there.
func (i *inodes) came(name string, info stat) {
	id, _ := i.identity(name, info)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.of[i.key(name)] = inode{told: id, now: id}
}

// replaced says whether a name has another file than the one that the peer has, when it is told of a version. The peer
// may be told of a version again, and of a later one before it has this; has says which it has.
func (i *inodes) replaced(name string, version uint64, has func(version uint64) bool) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	key := i.key(name)
	known, ok := i.of[key]
	if !ok || known.version == version && version != 0 {
		return known.replaced
	}
	known.replaced = known.told != known.now || known.replaced && !has(known.version)
	if f := known.indexed; f != nil { // the peer is told before this run has looked at the file
		known.replaced, f.lacks = f.lacks, false
	}
	known.told, known.version = known.now, version
	i.of[key] = known
	return known.replaced
}
