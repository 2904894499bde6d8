package filesync

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/syncthing/syncthing/lib/fs"

	"github.com/nhctl/nhctl/sidecar/filesync/kept"
)

// The names of syncthing's own files in a folder's root.
const (
	marker     = ".stfolder"
	ignoreFile = ".stignore"
)

// goingPrefix begins the names of files that are being deleted.
const goingPrefix = ".syncthing.going."

// rootFS is the user's folder, with syncthing's own files kept elsewhere: nothing of ours ever appears in it. Whatever is changed
// through it is the other side's doing.
type rootFS struct {
	fs.Filesystem
	state fs.Filesystem
	place *place
}

func internal(name string) bool { return name == marker || name == ignoreFile }

func (f *rootFS) Stat(name string) (fs.FileInfo, error) {
	if !internal(name) {
		return f.Filesystem.Stat(name)
	}
	// A folder that was unmounted or replaced is another one: without its marker syncthing stops, instead of taking what is
	// missing for deletions.
	if name == marker && !f.place.usable() {
		return nil, fs.ErrNotExist
	}
	if name == ignoreFile { // what the model asks for first
		f.place.begin()
	}
	return f.state.Stat(name)
}

func (f *rootFS) Lstat(name string) (fs.FileInfo, error) {
	if internal(name) {
		return f.Stat(name)
	}
	if f.place.wasOvertaken(name) {
		return nil, errMeanwhile
	}
	if f.place.hides(name) {
		return nil, fs.ErrNotExist
	}
	info, err := f.Filesystem.Lstat(name)
	switch {
	case fs.IsNotExist(err):
		f.place.miss(name)
		f.place.uncarried.look(name, nil)
	case err == nil && !fs.IsTemporary(name):
		f.place.uncarried.look(name, info)
		f.place.inodes.look(name, info.Sys())
	}
	return info, err
}

// DirNames has syncthing's own files too: where names are compared without regard to case, it looks for them there.
func (f *rootFS) DirNames(name string) ([]string, error) {
	names, err := f.Filesystem.DirNames(name)
	names = slices.DeleteFunc(names, func(child string) bool { return f.place.hides(filepath.Join(name, child)) })
	if err == nil && name == "." {
		names = append(names, marker, ignoreFile)
	}
	return names, err
}

func (f *rootFS) Open(name string) (fs.File, error) {
	if internal(name) {
		return f.state.Open(name)
	}
	f.place.reading.RLock()
	defer f.place.reading.RUnlock()
	return f.Filesystem.Open(name)
}

func (f *rootFS) OpenFile(name string, flags int, mode fs.FileMode) (fs.File, error) {
	if err := f.place.reach(name); err != nil {
		return nil, err
	}
	f.place.finish(name, false)
	file, err := f.Filesystem.OpenFile(name, flags, mode)
	if err != nil {
		return nil, err
	}
	return &incoming{file, name, f.place.progress}, nil
}

func (f *rootFS) Hide(name string) error {
	if internal(name) {
		return nil
	}
	return f.Filesystem.Hide(name)
}

// Chmod is the first that happens to a temporary file once it is complete. A file that is there gets the other side's attributes;
// its content stays whose it was.
func (f *rootFS) Chmod(name string, mode fs.FileMode) error {
	if err := f.place.reach(name); err != nil {
		return err
	}
	if fs.IsTemporary(name) {
		f.place.finish(name, true)
		return f.Filesystem.Chmod(name, mode)
	}
	info, err := os.Lstat(f.place.path(name))
	if err == nil && info.Mode().IsRegular() {
		if !f.place.index.unchanged(name, info) {
			return errMeanwhile
		}
		if f.place.index.ours(name) {
			f.place.index.own(name, true)
		}
		f.place.came(name, info)
	}
	return f.Filesystem.Chmod(name, mode)
}

// Chtimes gives a file the other side's time, unless somebody wrote since it came: the time would hide that.
func (f *rootFS) Chtimes(name string, atime, mtime time.Time) error {
	if err := f.place.reach(name); err != nil {
		return err
	}
	if f.place.overtake(name) {
		return errMeanwhile // which the model does not hear; it looks at the file next
	}
	if info, err := os.Lstat(f.place.path(name)); err == nil && info.ModTime().Equal(mtime) {
		return nil // no change that watchers would see
	}
	return f.Filesystem.Chtimes(name, atime, mtime)
}

// Remove keeps what it removes. What is about to be replaced stays until then: programs in the pod must never miss a file.
func (f *rootFS) Remove(name string) error {
	if err := f.place.reach(name); err != nil {
		return err
	}
	if fs.IsTemporary(name) {
		f.place.finish(name, false)
		return f.Filesystem.Remove(name)
	}
	if f.place.around(name) {
		return f.place.leave(name)
	}
	if info, err := os.Lstat(f.place.path(name)); err != nil || info.IsDir() {
		return f.Filesystem.Remove(name)
	}
	if f.place.replacing(name) {
		return f.place.keep(name, kept.Replaced)
	}
	if err := f.place.keep(name, kept.Deleted); err != nil {
		return err
	}
	return f.place.remove(name)
}

// Rename keeps the loser of a conflict outside of the folder, where no compiler finds it.
func (f *rootFS) Rename(from, to string) error {
	if err := f.place.reach(from, to); err != nil {
		return err
	}
	if strings.Contains(filepath.Base(to), ".sync-conflict-") && !strings.Contains(filepath.Base(from), ".sync-conflict-") {
		if _, err := f.Filesystem.Lstat(from); err != nil {
			return err
		}
		if err := f.place.keep(from, kept.Conflict); err != nil || f.place.replacing(from) {
			return err
		}
		return f.place.remove(from)
	}
	f.place.finish(from, false)
	if f.place.mine(to) || f.place.mine(from) {
		return errMounted
	}
	switch {
	case fs.IsTemporary(from) == fs.IsTemporary(to): // a name in another spelling
		return f.Filesystem.Rename(from, to)
	case fs.IsTemporary(from):
		return f.place.put(from, to)
	}
	// The other side moved it: it comes to its new place next, where it is theirs.
	if err := f.place.keep(from, kept.Moved); err != nil {
		return err
	}
	return f.place.take(from, to)
}
