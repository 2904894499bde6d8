package filesync

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/syncthing/syncthing/lib/db"
	"github.com/syncthing/syncthing/lib/db/backend"
	"github.com/syncthing/syncthing/lib/events"
	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/protocol"
)

// Names of what a fill makes before it is complete: in the folder, where renaming is possible, and in the state.
const (
	stagingDir = ".syncthing.nhctl-fill.tmp"
	indexDir   = "index"
	newIndex   = "index.new"
)

// Unused says whether a folder and its index have nothing yet, so that it may be filled. Its engine must not run.
func Unused(c Config) (bool, error) {
	if _, err := os.Lstat(filepath.Join(c.StateDir, indexDir)); !errors.Is(err, os.ErrNotExist) {
		return false, err
	}
	entries, err := os.ReadDir(c.Root)
	if err != nil {
		return false, fmt.Errorf("read the folder: %w", err)
	}
	for _, e := range entries {
		if e.Name() != stagingDir {
			return false, nil
		}
	}
	return true, nil
}

// Fill receives what a peer, whose index is the instance, pours into an unused folder. Nothing is seen of a file before it is complete.
// When the stream breaks, or the folder gets files meanwhile, what is in place stays, and is no more than a beginning for the engine that
// is opened next.
func Fill(ctx context.Context, c Config, stream io.ReadWriteCloser, instance string) error {
	defer stream.Close()
	defer context.AfterFunc(ctx, func() { stream.Close() })()
	f, err := newFilling(c, instance)
	if err != nil {
		return err
	}
	end, err := f.receive(ctx, stream)
	return errors.Join(err, f.finish(end, stream))
}

// finish puts in place what has come, and then tells the index. It answers a peer that has sent everything.
func (f *filling) finish(end *pouredEnd, to io.Writer) error {
	defer f.spool.close()
	answers := gob.NewEncoder(to)
	answer := func(a filled) error {
		if end == nil {
			return nil
		}
		return answers.Encode(a)
	}
	err := f.reveal()
	if err != nil {
		err = errors.Join(fmt.Errorf("put the files in place: %w", err), f.forget())
	} else {
		err = errors.Join(answer(filled{Left: f.left}), f.commit(end))
	}
	if err != nil {
		return errors.Join(err, answer(filled{Error: err.Error()}))
	}
	return answer(filled{})
}

// filling is a folder that is being filled.
type filling struct {
	config Config
	root   string // of what is not in place yet
	low    *db.Lowlevel
	index  *db.FileSet
	peer   protocol.DeviceID
	// instance is the peer's index.
	instance string
	// masked are the permissions that new files don't get of themselves.
	masked os.FileMode
	made   map[string]bool // folders
	// modes are the folders' permissions that are set last; links are made last too, so that nothing is ever written through one.
	modes map[string]os.FileMode
	links []protocol.FileInfo
	// spool has what the index gets once the files are in place: they are what is waited for.
	spool *spool
	left  int // how much is not placed
}

func newFilling(c Config, instance string) (*filling, error) {
	f := &filling{config: c, root: filepath.Join(c.Root, stagingDir), instance: instance, peer: device(c.FolderID, c.Side.peer(), instance), made: map[string]bool{}, modes: map[string]os.FileMode{}}
	state := filepath.Join(c.StateDir, newIndex)
	if err := errors.Join(os.RemoveAll(f.root), os.RemoveAll(state), os.MkdirAll(c.StateDir, 0o700)); err != nil {
		return nil, fmt.Errorf("clear what an earlier fill left: %w", err)
	}
	if err := os.Mkdir(f.root, 0o777); err != nil {
		return nil, fmt.Errorf("make a place for what comes: %w", err)
	}
	info, err := os.Stat(f.root)
	if err != nil {
		return nil, err
	}
	f.masked = 0o777 &^ info.Mode().Perm()
	if f.spool, err = newSpool(c.StateDir); err != nil {
		return nil, err
	}
	store, err := backend.OpenLevelDB(state, backend.TuningSmall)
	if err != nil {
		return nil, fmt.Errorf("open the index: %w", err)
	}
	if f.low, err = db.NewLowlevel(store, events.NoopLogger); err != nil {
		store.Close()
		return nil, fmt.Errorf("open the index: %w", err)
	}
	if f.index, err = db.NewFileSet(c.FolderID, f.low); err != nil {
		f.low.Close()
		return nil, fmt.Errorf("read the index: %w", err)
	}
	return f, nil
}

// arrival is an entry, and whether what it describes is in the folder.
type arrival struct {
	poured
	placed bool
}

// receive writes what comes, until its end.
func (f *filling) receive(ctx context.Context, stream io.Reader) (end *pouredEnd, err error) {
	decoder := gob.NewDecoder(newChunkReader(stream))
	var broken error
	each := func(yield func(arrival) bool) {
		for {
			var a arrival
			if broken = decoder.Decode(&a.poured); broken != nil {
				return
			}
			if end = a.End; end != nil {
				return
			}
			if a.Info.IsDirectory() {
				a.placed = f.folder(a.Info)
			} else if sound(a.Info) {
				f.make(filepath.Dir(filepath.FromSlash(a.Info.Name)))
			}
			if !yield(a) {
				return
			}
		}
	}
	if err = inOrder(ctx, each, f.place, f.note); err == nil {
		err = broken
	}
	if err != nil {
		return nil, fmt.Errorf("receive the folder: %w", err)
	}
	return end, nil
}

// sound says whether an entry may be made at all.
func sound(i protocol.FileInfo) bool {
	name := filepath.FromSlash(i.Name)
	return !i.Deleted && !i.IsInvalid() && filepath.IsLocal(name) && name != "." && !internal(name) && !fs.IsTemporary(name)
}

func (f *filling) folder(i protocol.FileInfo) bool {
	if !sound(i) {
		return false
	}
	f.make(filepath.FromSlash(i.Name))
	if perm := os.FileMode(i.Permissions) & os.ModePerm; perm != 0o777&^f.masked {
		f.modes[i.Name] = perm
	}
	return f.made[filepath.FromSlash(i.Name)]
}

func (f *filling) make(dir string) {
	if !f.made[dir] {
		f.made[dir] = os.MkdirAll(filepath.Join(f.root, dir), 0o777) == nil
	}
}

// place writes a file that came with its content. One that can't be written, or is not what its entry says, is left to the engine.
func (f *filling) place(a *arrival) {
	if a.Info.Type != protocol.FileInfoTypeFile || !sound(a.Info) || !matches(a.Info, a.Data) {
		return
	}
	path, perm := filepath.Join(f.root, filepath.FromSlash(a.Info.Name)), os.FileMode(a.Info.Permissions)&os.ModePerm
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm|0o200)
	if err != nil {
		return // twice in the index, or not to be made
	}
	_, err = file.Write(a.Data)
	if perm&f.masked != 0 || perm&0o200 == 0 {
		err = errors.Join(err, file.Chmod(perm))
	}
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Chtimes(path, a.Info.ModTime(), a.Info.ModTime())
	}
	if err != nil {
		_ = os.Remove(path)
	}
	a.Data, a.placed = nil, err == nil
}

// note keeps an entry for the index.
func (f *filling) note(a arrival) error {
	switch {
	case a.Info.IsSymlink() && sound(a.Info):
		f.links = append(f.links, a.Info)
	case !a.placed && sound(a.Info):
		f.left++
	}
	return f.spool.add(spooled{a.Info, a.placed})
}

// commit gives the index what has come. It comes last: without it, the engine that is opened next takes the files for what they are, and
// compares the two sides.
func (f *filling) commit(end *pouredEnd) error {
	err := f.spool.drain(func(here, there []protocol.FileInfo) {
		f.index.Update(f.peer, there)
		f.index.Update(protocol.LocalDeviceID, here)
	})
	if err != nil {
		return errors.Join(err, f.forget())
	}
	f.index.Update(protocol.LocalDeviceID, f.links)
	if end != nil {
		f.index.SetIndexID(f.peer, end.Index)
	}
	f.low.Close()
	if err := os.Rename(filepath.Join(f.config.StateDir, newIndex), filepath.Join(f.config.StateDir, indexDir)); err != nil {
		return fmt.Errorf("put the index in place: %w", err)
	}
	if end == nil {
		return nil
	}
	return errors.Join(os.WriteFile(filepath.Join(f.config.StateDir, peerFile), []byte(f.instance), 0o600),
		os.WriteFile(filepath.Join(f.config.StateDir, joinedFile), nil, 0o600))
}

// forget drops the index in the making.
func (f *filling) forget() error {
	f.low.Close()
	return os.RemoveAll(filepath.Join(f.config.StateDir, newIndex))
}

// reveal moves everything to where it belongs.
func (f *filling) reveal() error {
	f.links = slices.DeleteFunc(f.links, func(i protocol.FileInfo) bool {
		err := os.Symlink(string(i.SymlinkTarget), filepath.Join(f.root, filepath.FromSlash(i.Name)))
		if err != nil {
			f.left++
		}
		return err != nil
	})
	entries, err := os.ReadDir(f.root)
	if err != nil {
		return err
	}
	for _, e := range entries {
		to := filepath.Join(f.config.Root, e.Name())
		if _, err := os.Lstat(to); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s came from elsewhere meanwhile", e.Name())
		}
		if err := os.Rename(filepath.Join(f.root, e.Name()), to); err != nil {
			return err
		}
	}
	for name, perm := range f.modes {
		if err := os.Chmod(filepath.Join(f.config.Root, filepath.FromSlash(name)), perm); err != nil {
			return err
		}
	}
	return os.RemoveAll(f.root)
}
