package indexstore

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/syncthing/syncthing/lib/db/backend"
	"github.com/syncthing/syncthing/lib/fs"
)

// guardedStore is a database in memory, on a disk whose free bytes the test says.
func guardedStore(t *testing.T) (store backend.Backend, room *Room, free *atomic.Uint64, changes *atomic.Int32) {
	t.Helper()
	free, changes = &atomic.Uint64{}, &atomic.Int32{}
	room, err := NewRoom(t.TempDir(), func() { changes.Add(1) })
	if err != nil {
		t.Fatal(err)
	}
	room.usage = func() (fs.Usage, error) { return fs.Usage{Free: free.Load(), Total: 1 << 40}, nil }
	free.Store(1 << 30)
	store = backend.OpenMemory()
	t.Cleanup(func() {
		store.Close()
		time.Sleep(2 * time.Second) // of the bubble: its goroutines take one
	})
	return room.Guard(store), room, free, changes
}

func wait(d time.Duration) {
	time.Sleep(d) // of the bubble
	synctest.Wait()
}

// Writers wait while the disk is full, readers do not, and all is written once there is room.
func TestRoom(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(backend.Backend) error{
		"put": func(b backend.Backend) error { return b.Put([]byte("a"), []byte("new")) },
		"transaction": func(b backend.Backend) error {
			t, err := b.NewWriteTransaction()
			if err != nil {
				return err
			}
			defer t.Release()
			if err := t.Put([]byte("a"), []byte("new")); err != nil {
				return err
			}
			return t.Commit()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store, room, free, changes := guardedStore(t)
				if err := store.Put([]byte("a"), []byte("old")); err != nil {
					t.Fatal(err)
				}
				value := func() string {
					got, err := store.Get([]byte("a"))
					if err != nil {
						t.Fatal(err)
					}
					return string(got)
				}
				state := func() []any {
					needed, left, lacking := room.Lacking()
					return []any{value(), lacking, needed, left, changes.Load()}
				}
				free.Store(mostRoom - 1)
				wait(2 * roomLook) // it is not looked at again at once
				done := make(chan error, 1)
				go func() { done <- write(store) }()
				wait(10 * roomLook)
				full := state()
				free.Store(mostRoom)
				wait(2 * roomLook)
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				want := [][]any{
					{"old", true, int64(mostRoom), int64(mostRoom - 1), int32(1)},
					{"new", false, int64(0), int64(0), int32(2)},
				}
				if diff := cmp.Diff(want, [][]any{full, state()}); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// An index that ends does not wait: it has its reserve.
func TestRoomOfTheLastWrites(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, room, free, _ := guardedStore(t)
		reserve := filepath.Join(room.dir, reserveName)
		if info, err := os.Stat(reserve); err != nil || info.Size() != reserveBytes {
			t.Fatalf("the reserve: %v, %v", info, err)
		}
		free.Store(0)
		done := make(chan error, 1)
		go func() { done <- store.Put([]byte("a"), []byte("new")) }()
		synctest.Wait()
		room.End()
		room.End()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(reserve); !os.IsNotExist(err) {
			t.Errorf("the reserve is kept: %v", err)
		}
	})
}

func TestNeeds(t *testing.T) {
	t.Parallel()
	for total, want := range map[uint64]uint64{
		1 << 40:  mostRoom,
		1 << 29:  8 << 20,
		32 << 20: leastRoom,
		4 << 20:  512 << 10,
	} {
		if got := needs(fs.Usage{Total: total}); got != want {
			t.Errorf("of %d: %d, want %d", total, got, want)
		}
	}
}
