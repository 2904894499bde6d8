package filesync

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
		if e.Name() != stagingDir && !c.Settings.mountsAlone(c.Root, e.Name()) {
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
	return f.fill(ctx, stream)
}

func (f *filling) fill(ctx context.Context, stream io.ReadWriter) error {
	reader := pourReader{newChunkReader(stream)}
	broken := f.receive(ctx, reader)
	err := errors.Join(broken, f.reveal())
	if err == nil {
		err = writeAnswer(stream, filled{Left: f.left})
	}
	if err == nil {
		err = f.learn(reader)
	}
	if err != nil {
		err = errors.Join(err, f.forget())
	}
	switch {
	case err == nil:
		return writeAnswer(stream, filled{})
	case broken == nil:
		_ = writeAnswer(stream, filled{Error: err.Error()}) // the peer may be gone
	}
	return err
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
	// placed is what came, until the index knows of it.
	placed map[string]placed
	left   int // how much did not get its place
}

func newFilling(c Config, instance string) (*filling, error) {
	f := &filling{config: c, root: filepath.Join(c.Root, stagingDir), instance: instance, peer: device(c.FolderID, c.Side.peer(), instance), made: map[string]bool{},
		modes: map[string]os.FileMode{}, placed: map[string]placed{}}
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

// arrival is what came, and what became of it.
type arrival struct {
	poured
	placed *placed
}

// receive writes what comes, until everything that is to be in place has come.
func (f *filling) receive(ctx context.Context, reader pourReader) error {
	var broken error
	each := func(yield func(arrival) bool) {
		for {
			var a arrival
			var more bool
			if a.poured, more, broken = reader.file(); !more {
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
	err := inOrder(ctx, each, f.place, f.note)
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
	return !i.Deleted && !i.IsInvalid() && localSlash(i.Name) && i.Name != "." && !internal(i.Name) && !fs.IsTemporary(i.Name)
}

// localSlash says whether a name with slashes is one of something below a folder, here.
func localSlash(name string) bool {
	native := filepath.FromSlash(name)
	return filepath.IsLocal(native) && filepath.ToSlash(native) == name
}

func (f *filling) folder(i protocol.FileInfo) *placed {
	if !sound(i) {
		return nil
	}
	f.make(filepath.FromSlash(i.Name))
	if !f.made[filepath.FromSlash(i.Name)] {
		return nil
	}
	if perm := os.FileMode(i.Permissions) & os.ModePerm; perm != 0o777&^f.masked {
		f.modes[i.Name] = perm
	}
	return newPlaced(i, nil)
}

func (f *filling) make(dir string) {
	if !f.made[dir] {
		f.made[dir] = os.MkdirAll(filepath.Join(f.root, dir), 0o777) == nil
	}
}

// place writes a file. One that can't be written is left to the engine.
func (f *filling) place(a *arrival) {
	if a.Info.Type != protocol.FileInfoTypeFile || !sound(a.Info) || int64(len(a.Data)) != a.Info.Size {
		return
	}
	path, perm := filepath.Join(f.root, filepath.FromSlash(a.Info.Name)), os.FileMode(a.Info.Permissions)&os.ModePerm
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm|0o200)
	if err != nil {
		return // it came twice, or is not to be made
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
		return
	}
	a.placed = newPlaced(a.Info, a.Data)
	a.Data = nil
}

// note keeps what came, for when the index is told of it.
func (f *filling) note(a arrival) error {
	switch {
	case a.Info.IsSymlink() && sound(a.Info):
		f.links = append(f.links, a.Info)
	case a.placed != nil:
		f.placed[a.Info.Name] = *a.placed
	case sound(a.Info):
		f.left++
	}
	return nil
}

// reveal moves everything to where it belongs.
func (f *filling) reveal() error {
	for _, i := range f.links {
		if os.Symlink(string(i.SymlinkTarget), filepath.Join(f.root, filepath.FromSlash(i.Name))) != nil {
			f.left++
			continue
		}
		f.placed[i.Name] = *newPlaced(i, nil)
	}
	if err := f.move(); err != nil {
		return fmt.Errorf("put the files in place: %w", err)
	}
	return nil
}

func (f *filling) move() error {
	if err := f.moveFrom(""); err != nil {
		return err
	}
	for name, perm := range f.modes {
		if err := os.Chmod(filepath.Join(f.config.Root, filepath.FromSlash(name)), perm); err != nil {
			return err
		}
	}
	return os.RemoveAll(f.root)
}

// moveFrom moves what is in a folder. Folders that mounts are in are there already.
func (f *filling) moveFrom(dir string) error {
	entries, err := os.ReadDir(filepath.Join(f.root, dir))
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		to := filepath.Join(f.config.Root, name)
		_, err := os.Lstat(to)
		switch {
		case errors.Is(err, os.ErrNotExist):
			err = os.Rename(filepath.Join(f.root, name), to)
		case err == nil && e.IsDir() && f.config.Settings.mountsAlone(f.config.Root, name):
			err = f.moveFrom(name)
		case err == nil:
			err = fmt.Errorf("%s came from elsewhere meanwhile", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
