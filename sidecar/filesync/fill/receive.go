package fill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/syncthing/syncthing/lib/db"
	"github.com/syncthing/syncthing/lib/db/backend"
	"github.com/syncthing/syncthing/lib/events"
	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/filesync/folderfs"
	"github.com/nhctl/nhctl/sidecar/filesync/indexstore"
)

// Target is a folder that may be filled.
type Target struct {
	// Root is the folder.
	Root string
	// Index is where its index is to be; the one in the making is next to it.
	Index string
	// FolderID is the same on both ends, and Peer the other end's index.
	FolderID string
	Peer     protocol.DeviceID
	// Mounts are what the container has from elsewhere.
	Mounts contract.Mounts
	// Joined is called when the index is in place.
	Joined func() error
}

// stagingDir in the folder, where renaming is possible, has what is not in place yet.
const stagingDir = ".syncthing.nhctl-fill.tmp"

// coming is the path of the index in the making.
func (t Target) coming() string { return t.Index + ".new" }

// Unused says whether the folder and its index have nothing yet, so that it may be filled. Its engine must not run.
func (t Target) Unused() (bool, error) {
	if _, err := os.Lstat(t.Index); !errors.Is(err, os.ErrNotExist) {
		return false, err
	}
	entries, err := os.ReadDir(t.Root)
	if err != nil {
		return false, fmt.Errorf("read the folder: %w", err)
	}
	for _, e := range entries {
		if e.Name() != stagingDir && !folderfs.ForMountsAlone(t.Root, e.Name(), t.Mounts) {
			return false, nil
		}
	}
	return true, nil
}

// Clear removes from a folder what a fill that broke off has left.
func Clear(root string) error {
	dir, err := os.OpenRoot(root)
	if errors.Is(err, os.ErrNotExist) {
		return nil // the folder is looked for later
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.RemoveAll(stagingDir)
}

// Receive receives into an unused folder what a Sender sends. Nothing is seen of a file before it is complete. When the
// stream breaks, or the folder gets files from elsewhere, what is in place stays, and is no more than a beginning for
// the engine that is opened next.
func Receive(ctx context.Context, t Target, stream io.ReadWriteCloser) error {
	defer stream.Close()
	defer context.AfterFunc(ctx, func() { stream.Close() })()
	if err := errors.Join(os.RemoveAll(t.coming()), os.MkdirAll(filepath.Dir(t.Index), 0o700)); err != nil {
		return fmt.Errorf("clear the index of an earlier fill: %w", err)
	}
	store, err := indexstore.Open(t.coming())
	if err != nil {
		return fmt.Errorf("open the index: %w", err)
	}
	r, err := newReceiver(t, store)
	if err != nil {
		store.Close()
		return err
	}
	defer r.close()
	return r.receive(ctx, stream)
}

// receiver is a folder that is being filled.
type receiver struct {
	Target
	// dir is the folder that is filled, and staging the directory in it of what is not in place yet: whatever becomes
	// of their paths, what comes is written below these.
	dir, staging *os.Root

	low   *db.Lowlevel
	index *db.FileSet
	// masked are the permissions that new files don't get of themselves.
	masked os.FileMode
	made   map[string]bool // folders
	// modes are the folders' permissions that are set last; links are made last too, so that nothing is ever written
	// through one.
	modes map[string]os.FileMode
	links []protocol.FileInfo
	// placed is what came, until the index knows of it.
	placed map[string]placed
	left   int // how much did not get its place
}

// newReceiver makes ready for what comes; the index in the making is in store.
func newReceiver(t Target, store backend.Backend) (*receiver, error) {
	r := &receiver{Target: t, made: map[string]bool{}, modes: map[string]os.FileMode{}, placed: map[string]placed{}}
	if err := r.stage(); err != nil {
		r.close()
		return nil, fmt.Errorf("make a place for what comes: %w", err)
	}
	if err := r.openIndex(store); err != nil {
		r.close()
		return nil, fmt.Errorf("open the index: %w", err)
	}
	return r, nil
}

func (r *receiver) openIndex(store backend.Backend) (err error) {
	if r.low, err = db.NewLowlevel(store, events.NoopLogger); err != nil {
		return err
	}
	r.index, err = db.NewFileSet(r.FolderID, r.low)
	return err
}

func (r *receiver) close() {
	for _, root := range []*os.Root{r.staging, r.dir} {
		if root != nil {
			root.Close()
		}
	}
}

func (r *receiver) receive(ctx context.Context, stream io.ReadWriter) error {
	reader := itemReader{newChunkReader(stream)}
	broken := r.files(ctx, reader)
	err := errors.Join(broken, r.reveal())
	if err == nil {
		err = writeAnswer(stream, answer{Left: r.left})
	}
	if err == nil {
		err = r.learn(reader)
	}
	if err != nil {
		err = errors.Join(err, r.forget())
	}
	switch {
	case err == nil:
		return writeAnswer(stream, answer{})
	case broken == nil:
		_ = writeAnswer(stream, answer{Error: err.Error()}) // the peer may be gone
	}
	return err
}

// arrival is what came, and what became of it.
type arrival struct {
	item
	placed *placed
}

// files writes what comes, until everything that is to be in place has come.
func (r *receiver) files(ctx context.Context, reader itemReader) error {
	var broken error
	each := func(yield func(arrival) bool) {
		for {
			var a arrival
			var more bool
			if a.item, more, broken = reader.file(); !more {
				return
			}
			if a.Info.IsDirectory() {
				a.placed = r.folder(a.Info)
			} else if sound(a.Info) {
				r.make(filepath.Dir(filepath.FromSlash(a.Info.Name)))
			}
			if !yield(a) {
				return
			}
		}
	}
	err := inOrder(ctx, each, r.stageFile, r.note)
	if err == nil {
		err = broken
	}
	if err != nil {
		return fmt.Errorf("receive the folder: %w", err)
	}
	return nil
}

// sound says whether an entry may be made at all.
func sound(i protocol.FileInfo) bool {
	return !i.Deleted && !i.IsInvalid() && localSlash(i.Name) && i.Name != "." && !folderfs.Internal(i.Name) &&
		!fs.IsTemporary(i.Name)
}

// localSlash says whether a name with slashes is one of something below a folder, here.
func localSlash(name string) bool {
	native := filepath.FromSlash(name)
	return filepath.IsLocal(native) && filepath.ToSlash(native) == name
}

// note keeps what came, for when the index is told of it.
func (r *receiver) note(a arrival) error {
	switch {
	case a.Info.IsSymlink() && sound(a.Info):
		r.links = append(r.links, a.Info)
	case a.placed != nil:
		r.placed[a.Info.Name] = *a.placed
	case sound(a.Info):
		r.left++
	}
	return nil
}
