package indexstore

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/syncthing/syncthing/lib/db/backend"
	"github.com/syncthing/syncthing/lib/fs"
)

// What a disk has to have left, so that something is written to an index there: a part of the disk, within limits.
const (
	roomShare = 64
	leastRoom = 1 << 20
	mostRoom  = 16 << 20
	// smallShare limits it on a disk that is hardly larger than that.
	smallShare = 8
)

// reserveBytes is what a file in the directory takes up, which makes room for the last writes of an index on a full
// disk.
const (
	reserveBytes = 512 << 10
	reserveName  = "reserve"
)

// roomLook is the pause between two looks at a full disk; one that has room is not looked at again for roomLasts.
const (
	roomLook  = 250 * time.Millisecond
	roomLasts = 10 * time.Millisecond
)

// Room keeps an index from writing while its disk is full: syncthing panics where a write of its index fails, and an
// index whose journal is broken writes nothing any more. Writers wait until there is room.
type Room struct {
	dir string
	// changed is called when the first writer begins to wait, and when the last one goes on.
	changed func()
	// usage is the disk's.
	usage func() (fs.Usage, error)

	lasts  atomic.Int64 // until when it need not be looked at, in nanoseconds
	ending chan struct{}
	end    func()

	mu      sync.Mutex
	waiting int
	full    chan struct{} // closed while writers wait
}

// NewRoom watches over the disk of a directory, which it makes room in for the last writes.
func NewRoom(dir string, changed func()) (*Room, error) {
	r := &Room{dir: dir, changed: changed, ending: make(chan struct{}), full: make(chan struct{})}
	r.usage = func() (fs.Usage, error) { return fs.NewFilesystem(fs.FilesystemTypeBasic, dir).Usage(".") }
	r.end = sync.OnceFunc(func() { close(r.ending) })
	if info, err := os.Stat(r.reserve()); err == nil && info.Size() == reserveBytes {
		return r, nil
	}
	if err := os.WriteFile(r.reserve(), make([]byte, reserveBytes), 0o600); err != nil {
		return nil, errors.Join(err, os.Remove(r.reserve()))
	}
	return r, nil
}

func (r *Room) reserve() string { return filepath.Join(r.dir, reserveName) }

// End lets all writers go on: the index is about to be closed.
func (r *Room) End() { r.end() }

// Lacking says whether writers wait; then also how many bytes the disk should have left, and how many it has.
func (r *Room) Lacking() (needed, free int64, lacking bool) {
	r.mu.Lock()
	lacking = r.waiting > 0
	r.mu.Unlock()
	if !lacking {
		return 0, 0, false
	}
	usage, err := r.usage()
	if err != nil {
		return leastRoom, -1, true
	}
	return int64(needs(usage)), int64(min(usage.Free, math.MaxInt64)), true
}

// Full is closed while writers wait. They hold up whoever reads the index by a snapshot of syncthing's.
func (r *Room) Full() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.full
}

func needs(u fs.Usage) uint64 {
	return min(max(u.Total/roomShare, leastRoom), mostRoom, u.Total/smallShare)
}

// await returns once there is room, or the index is about to be closed.
func (r *Room) await() {
	if r.has() {
		return
	}
	r.waits(1)
	defer r.waits(-1)
	look := time.NewTicker(roomLook)
	defer look.Stop()
	for {
		select {
		case <-r.ending:
			_ = os.Remove(r.reserve()) // it may be of use at once; whoever opens the index next makes it again
			return
		case <-look.C:
		}
		if r.has() {
			return
		}
	}
}

// has says whether there is room; also where the system does not say.
func (r *Room) has() bool {
	now := time.Now().UnixNano()
	if now < r.lasts.Load() {
		return true
	}
	usage, err := r.usage()
	if err == nil && usage.Free < needs(usage) {
		return false
	}
	r.lasts.Store(now + int64(roomLasts))
	return true
}

func (r *Room) waits(more int) {
	r.mu.Lock()
	before := r.waiting
	r.waiting += more
	changed := (before == 0) != (r.waiting == 0)
	switch {
	case changed && before == 0:
		close(r.full)
	case changed:
		r.full = make(chan struct{})
	}
	r.mu.Unlock()
	if changed {
		r.changed()
	}
}

// Guard has a database write only while there is room.
func (r *Room) Guard(b backend.Backend) backend.Backend { return guarded{b, r} }

type guarded struct {
	backend.Backend
	room *Room
}

func (g guarded) Put(key, value []byte) error {
	g.room.await()
	return g.Backend.Put(key, value)
}

func (g guarded) Delete(key []byte) error {
	g.room.await()
	return g.Backend.Delete(key)
}

func (g guarded) NewWriteTransaction(hooks ...backend.CommitHook) (backend.WriteTransaction, error) {
	t, err := g.Backend.NewWriteTransaction(hooks...)
	if err != nil {
		return nil, err
	}
	return guardedTransaction{t, g.room}, nil
}

// guardedTransaction may write at any of these calls.
type guardedTransaction struct {
	backend.WriteTransaction
	room *Room
}

func (t guardedTransaction) Put(key, value []byte) error {
	t.room.await()
	return t.WriteTransaction.Put(key, value)
}

func (t guardedTransaction) Delete(key []byte) error {
	t.room.await()
	return t.WriteTransaction.Delete(key)
}

func (t guardedTransaction) Checkpoint() error {
	t.room.await()
	return t.WriteTransaction.Checkpoint()
}

func (t guardedTransaction) Commit() error {
	t.room.await()
	return t.WriteTransaction.Commit()
}
