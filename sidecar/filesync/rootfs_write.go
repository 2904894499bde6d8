package filesync

import (
	"github.com/syncthing/syncthing/lib/fs"

	"github.com/nhctl/nhctl/sidecar/filesync/rooted"
)

// Whatever the model writes is in the folder where its name says. The model itself looks for links on the way when it decides about a
// file; here it is looked at once more, when the file is written.

func (p *place) reach(names ...string) error {
	for _, name := range names {
		if err := rooted.Reach(p.root, name); err != nil {
			return err
		}
	}
	return nil
}

func (f *rootFS) Create(name string) (fs.File, error) {
	if err := f.place.reach(name); err != nil {
		return nil, err
	}
	return f.Filesystem.Create(name)
}

func (f *rootFS) CreateSymlink(target, name string) error {
	if err := f.place.reach(name); err != nil {
		return err
	}
	return f.Filesystem.CreateSymlink(target, name)
}

// Mkdir takes a folder for made that is there for a mount's sake.
func (f *rootFS) Mkdir(name string, mode fs.FileMode) error {
	if err := f.place.reach(name); err != nil {
		return err
	}
	if f.place.around(name) && f.place.make(name) {
		return nil
	}
	return f.Filesystem.Mkdir(name, mode)
}

func (f *rootFS) MkdirAll(name string, mode fs.FileMode) error {
	if err := f.place.reach(name); err != nil {
		return err
	}
	return f.Filesystem.MkdirAll(name, mode)
}

func (f *rootFS) RemoveAll(name string) error {
	if err := f.place.reach(name); err != nil {
		return err
	}
	return f.Filesystem.RemoveAll(name)
}
