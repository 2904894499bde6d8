package folderfs

import (
	"hash/maphash"
	"os"
	"path/filepath"
	"sync"
)

// inodes tell how a file was saved: in place, so that it is the same file as before, or by another that took its place.
// Where that is not known, as after a start and on systems without inodes, it counts as in place: a watch on the file
// lives on.
type inodes struct {
	root string
	seed maphash.Seed
	mu   sync.Mutex
	of   map[uint64]inode // by the hash of the name: there may be very many
}

// inode is the file that a name had when the peer was told of it last, and the one that it has.
type inode struct{ told, now identity }

// identity tells a file from others. The number alone does not: two saves later it may be in use again.
type identity struct {
	inode uint64
	born  int64 // in nanoseconds since 1970; 0 where the file system does not say
}

func newInodes(root string) *inodes {
	return &inodes{root: root, seed: maphash.MakeSeed(), of: map[uint64]inode{}}
}

// identity is that of the file of a name, as info has found it.
func (i *inodes) identity(name string, sys any) identity {
	id, _ := severalNames(sys)
	if id.inode == 0 {
		return identity{}
	}
	return identity{id.inode, born(filepath.Join(i.root, name), id.inode)}
}

func (i *inodes) key(name string) uint64 { return maphash.String(i.seed, name) }

// look notes which file has a name, by what the system says of it.
func (i *inodes) look(name string, sys any) {
	id := i.identity(name, sys)
	if id.inode == 0 {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	key := i.key(name)
	known := i.of[key]
	if known.told.inode == 0 {
		known.told = id
	}
	known.now = id
	i.of[key] = known
}

// came notes a file that the peer knows of: it came from there.
func (i *inodes) came(name string, info os.FileInfo) {
	id := i.identity(name, info.Sys())
	i.mu.Lock()
	defer i.mu.Unlock()
	i.of[i.key(name)] = inode{id, id}
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
