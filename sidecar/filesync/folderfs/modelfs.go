package folderfs

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/syncthing/syncthing/lib/fs"
)

// Marker and IgnoreFile are the names of syncthing's own files in a folder's root.
const (
	Marker     = ".stfolder"
	IgnoreFile = ".stignore"
)

// goingPrefix begins the names of files that are being deleted.
const goingPrefix = ".syncthing.going."

// modelFS is the user's folder, with syncthing's own files kept elsewhere: nothing of ours ever appears in it. Whatever
// is changed through it is the other side's doing.
type modelFS struct {
	fs.Filesystem
	state  fs.Filesystem
	folder *Folder
}

// Internal says whether a name is that of a file of syncthing's.
func Internal(name string) bool { return name == Marker || name == IgnoreFile }

// Going is the name that a file had before it was to be deleted, if it is one of those.
func Going(name string) (was string, going bool) {
	dir, base := filepath.Split(name)
	base, going = strings.CutPrefix(base, goingPrefix)
	return filepath.Join(dir, strings.TrimSuffix(base, ".tmp")), going
}

func (m *modelFS) Stat(name string) (fs.FileInfo, error) {
	if !Internal(name) {
		return m.Filesystem.Stat(name)
	}
	// A folder that was unmounted or replaced is another one: without its marker syncthing stops, instead of taking
	// what is missing for deletions.
	if name == Marker && !m.folder.usable() {
		return nil, fs.ErrNotExist
	}
	if name == IgnoreFile { // what the model asks for first
		m.folder.begin()
	}
	return m.state.Stat(name)
}

func (m *modelFS) Lstat(name string) (fs.FileInfo, error) {
	if Internal(name) {
		return m.Stat(name)
	}
	if m.folder.wasOvertaken(name) {
		return nil, errChanged
	}
	if m.folder.hides(name) {
		return nil, fs.ErrNotExist
	}
	info, err := m.Filesystem.Lstat(name)
	switch {
	case fs.IsNotExist(err):
		m.folder.miss(name)
		m.folder.unsupported.look(name, nil)
	case err == nil && !fs.IsTemporary(name):
		m.folder.unsupported.look(name, info)
		if info.IsRegular() {
			m.folder.inodes.look(name, info)
		}
	}
	return info, err
}

// DirNames has syncthing's own files too: where names are compared without regard to case, it looks for them there.
func (m *modelFS) DirNames(name string) ([]string, error) {
	names, err := m.Filesystem.DirNames(name)
	names = slices.DeleteFunc(names, func(child string) bool { return m.folder.hides(filepath.Join(name, child)) })
	if err == nil && name == "." {
		names = append(names, Marker, IgnoreFile)
	}
	return names, err
}

func (m *modelFS) Open(name string) (fs.File, error) {
	if Internal(name) {
		return m.state.Open(name)
	}
	m.folder.reading.RLock()
	defer m.folder.reading.RUnlock()
	return m.Filesystem.Open(name)
}
