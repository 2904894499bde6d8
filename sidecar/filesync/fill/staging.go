package fill

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/nhctl/nhctl/sidecar/filesync/folderfs"
	"github.com/nhctl/nhctl/sidecar/filesync/rooted"
)

// stage makes the directory for what comes, and removes what an earlier fill has left.
func (r *receiver) stage() (err error) {
	if r.dir, err = os.OpenRoot(r.Root); err != nil {
		return err
	}
	if err := errors.Join(r.dir.RemoveAll(stagingDir), r.dir.Mkdir(stagingDir, 0o777)); err != nil {
		return err
	}
	if r.staging, err = r.dir.OpenRoot(stagingDir); err != nil {
		return err
	}
	info, err := r.staging.Stat(".")
	if err != nil {
		return err
	}
	r.masked = 0o777 &^ info.Mode().Perm()
	return nil
}

func (r *receiver) folder(i protocol.FileInfo) *placed {
	if !sound(i) {
		return nil
	}
	r.make(filepath.FromSlash(i.Name))
	if !r.made[filepath.FromSlash(i.Name)] {
		return nil
	}
	if perm := os.FileMode(i.Permissions) & os.ModePerm; perm != 0o777&^r.masked {
		r.modes[i.Name] = perm
	}
	return newPlaced(i, nil)
}

func (r *receiver) make(dir string) {
	if !r.made[dir] {
		r.made[dir] = r.staging.MkdirAll(dir, 0o777) == nil
	}
}

// stageFile writes a file. One that can't be written is left to the engine.
func (r *receiver) stageFile(a *arrival) {
	if a.Info.Type != protocol.FileInfoTypeFile || !sound(a.Info) || int64(len(a.Data)) != a.Info.Size {
		return
	}
	if r.write(a.Info, a.Data) != nil {
		return // it came twice, or is not to be made
	}
	a.placed = newPlaced(a.Info, a.Data)
	a.Data = nil
}

// write makes a file in the staging directory.
func (r *receiver) write(i protocol.FileInfo, data []byte) error {
	path, perm := filepath.FromSlash(i.Name), os.FileMode(i.Permissions)&os.ModePerm
	dir, err := r.staging.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	name := filepath.Base(path)
	file, err := dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm|0o200)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if perm&r.masked != 0 || perm&0o200 == 0 {
		err = errors.Join(err, file.Chmod(perm))
	}
	err = errors.Join(err, file.Close())
	if err == nil {
		err = dir.Chtimes(name, i.ModTime(), i.ModTime())
	}
	if err != nil {
		_ = dir.Remove(name)
	}
	return err
}

// reveal moves everything to where it belongs.
func (r *receiver) reveal() error {
	for _, i := range r.links {
		if r.staging.Symlink(string(i.SymlinkTarget), filepath.FromSlash(i.Name)) != nil {
			r.left++
			continue
		}
		r.placed[i.Name] = *newPlaced(i, nil)
	}
	if err := r.move(); err != nil {
		return fmt.Errorf("put the files in place: %w", err)
	}
	return nil
}

func (r *receiver) move() error {
	if err := r.moveFrom("."); err != nil {
		return err
	}
	for name, perm := range r.modes {
		if err := r.chmod(filepath.FromSlash(name), perm); err != nil {
			return err
		}
	}
	return r.dir.RemoveAll(stagingDir)
}

func (r *receiver) chmod(name string, perm os.FileMode) error {
	e, err := rooted.Open(r.Root, name)
	if err != nil {
		return err
	}
	defer e.Close()
	return e.Chmod(perm)
}

// moveFrom moves what is in a directory. Directories that mounts are in are there already.
func (r *receiver) moveFrom(dir string) error {
	entries, err := fs.ReadDir(r.staging.FS(), filepath.ToSlash(dir))
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		err := r.moveNew(name)
		switch {
		case errors.Is(err, os.ErrExist) && e.IsDir() && folderfs.ForMountsAlone(r.Root, name, r.Mounts):
			err = r.moveFrom(name)
		case errors.Is(err, os.ErrExist):
			err = fmt.Errorf("another program has made %s in the meantime: %w", name, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// moveNew moves an entry of the staging directory to where nothing is.
func (r *receiver) moveNew(name string) error {
	from, to, release, err := rooted.OpenBoth(r.Root, filepath.Join(stagingDir, name), name)
	if err != nil {
		return err
	}
	defer release()
	return from.MoveNew(to)
}
