package filesync

import (
	"os"
	"path/filepath"

	"github.com/syncthing/syncthing/lib/fs"
)

// The names of syncthing's own files in a folder's root.
const (
	marker     = ".stfolder"
	ignoreFile = ".stignore"
)

// rootFS is the user's folder, with syncthing's own files kept elsewhere: nothing of ours ever appears in it.
type rootFS struct {
	fs.Filesystem
	state fs.Filesystem
	root  string
	// identity is what the folder was when its index began.
	identity string
}

// registerRoot makes a file system type for one engine, since syncthing makes its file systems itself, by type.
func registerRoot(kind fs.FilesystemType, root, stateDir string) error {
	state := fs.NewFilesystem(fs.FilesystemTypeBasic, stateDir)
	id, err := identity(root)
	if err != nil {
		return err
	}
	// The marker holds the identity of the folder that the index is about.
	path := filepath.Join(stateDir, marker)
	if known, err := os.ReadFile(path); err == nil {
		id = string(known)
	} else if err := os.WriteFile(path, []byte(id), 0o600); err != nil {
		return err
	}
	fs.RegisterFilesystemType(kind, func(uri string, opts ...fs.Option) (fs.Filesystem, error) {
		return &rootFS{Filesystem: fs.NewFilesystem(fs.FilesystemTypeBasic, uri, opts...), state: state, root: root, identity: id}, nil
	})
	return nil
}

func internal(name string) bool { return name == marker || name == ignoreFile }

func (f *rootFS) Stat(name string) (fs.FileInfo, error) {
	if !internal(name) {
		return f.Filesystem.Stat(name)
	}
	// A folder that was unmounted or replaced is another one: without its marker syncthing stops, instead of taking what is
	// missing for deletions.
	if id, err := identity(f.root); name == marker && (err != nil || id != f.identity) {
		return nil, fs.ErrNotExist
	}
	return f.state.Stat(name)
}

func (f *rootFS) Lstat(name string) (fs.FileInfo, error) {
	if internal(name) {
		return f.Stat(name)
	}
	return f.Filesystem.Lstat(name)
}

func (f *rootFS) Open(name string) (fs.File, error) {
	if internal(name) {
		return f.state.Open(name)
	}
	return f.Filesystem.Open(name)
}

func (f *rootFS) Hide(name string) error {
	if internal(name) {
		return nil
	}
	return f.Filesystem.Hide(name)
}
