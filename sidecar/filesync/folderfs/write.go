package folderfs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/nhctl/nhctl/sidecar/filesync/kept"
	"github.com/nhctl/nhctl/sidecar/filesync/rooted"
)

// The model writes into the directory that a name says, whoever changes the tree at the same time: each of these
// methods opens the directory without following a link, and then works in that one alone.

// open opens the directory that a name is in. The root itself is a name in itself.
func (f *Folder) open(name string) (rooted.Entry, error) {
	name = filepath.Clean(name)
	if name != "." {
		return rooted.Open(f.root, name)
	}
	dir, err := os.OpenRoot(f.root)
	return rooted.Entry{Dir: dir, Name: name, Path: name}, err
}

func (m *modelFS) OpenFile(name string, flags int, mode fs.FileMode) (fs.File, error) {
	e, err := m.folder.open(name)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	m.folder.finish(name, false)
	file, err := e.OpenFile(flags, os.FileMode(mode))
	if err != nil {
		return nil, err
	}
	return &incoming{file, name, m.folder.received}, nil
}

func (m *modelFS) Create(name string) (fs.File, error) {
	return m.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
}

func (m *modelFS) CreateSymlink(target, name string) error {
	if !m.SymlinksSupported() {
		return errors.ErrUnsupported
	}
	e, err := m.folder.open(name)
	if err != nil {
		return err
	}
	defer e.Close()
	return e.Dir.Symlink(target, e.Name)
}

// Mkdir takes a folder for made that is there for a mount's sake.
func (m *modelFS) Mkdir(name string, mode fs.FileMode) error {
	e, err := m.folder.open(name)
	if err != nil {
		return err
	}
	defer e.Close()
	if m.folder.around(name) && m.folder.make(name) {
		return nil
	}
	return e.Dir.Mkdir(e.Name, os.FileMode(mode).Perm())
}

func (m *modelFS) MkdirAll(name string, mode fs.FileMode) error {
	name = filepath.Clean(name)
	if name == "." {
		return os.MkdirAll(m.folder.root, os.FileMode(mode))
	}
	e, err := rooted.OpenNew(m.folder.root, name)
	if err != nil {
		return err
	}
	defer e.Close()
	err = e.Dir.Mkdir(e.Name, os.FileMode(mode).Perm())
	if info, lookErr := e.Lstat(); lookErr == nil && info.IsDir() {
		return nil
	}
	return err
}

// Hide does without: temporary files are there for a moment only.
func (m *modelFS) Hide(string) error { return nil }

// Unhide has nothing to undo.
func (m *modelFS) Unhide(string) error { return nil }

// Lchown is not called: owners don't travel.
func (m *modelFS) Lchown(string, string, string) error { return errors.ErrUnsupported }

// SetXattr is not called: extended attributes don't travel.
func (m *modelFS) SetXattr(string, []protocol.Xattr, fs.XattrFilter) error {
	return errors.ErrUnsupported
}

// Chmod is the first that happens to a temporary file once it is complete. A file that is there gets the other side's
// attributes; its content stays whose it was.
func (m *modelFS) Chmod(name string, mode fs.FileMode) error {
	e, err := m.folder.open(name)
	if err != nil {
		return err
	}
	defer e.Close()
	if fs.IsTemporary(name) {
		m.folder.finish(name, true)
		return e.Chmod(os.FileMode(mode))
	}
	info, err := e.Lstat()
	if err == nil && info.Mode().IsRegular() {
		if !m.folder.index.Unchanged(name, info) {
			return errChanged
		}
		if m.folder.index.Ours(name) {
			m.folder.index.Own(name, true)
		}
		m.folder.came(name, info)
	}
	return e.Chmod(os.FileMode(mode))
}

// Chtimes gives a file the other side's time, unless someone wrote since it came: the time would hide that.
func (m *modelFS) Chtimes(name string, atime, mtime time.Time) error {
	e, err := m.folder.open(name)
	if err != nil {
		return err
	}
	defer e.Close()
	info, err := e.Lstat()
	if m.folder.overtake(name, info) {
		return errChanged // which the model does not hear; it looks at the file next
	}
	if err == nil && info.ModTime().Equal(mtime) {
		return nil // no change that watchers would see
	}
	return e.Chtimes(atime, mtime)
}

// Remove keeps what it removes. What is about to be replaced stays until then: programs in the pod must never miss a
// file.
func (m *modelFS) Remove(name string) error {
	e, err := m.folder.open(name)
	if err != nil {
		return err
	}
	defer e.Close()
	if fs.IsTemporary(name) {
		m.folder.finish(name, false)
		return e.Remove()
	}
	if m.folder.around(name) {
		return m.folder.leave(name)
	}
	if info, err := e.Lstat(); err != nil || info.IsDir() {
		return e.Remove()
	}
	if m.folder.replacing(name) {
		return m.folder.keepVersion(name, kept.Replaced)
	}
	if err := m.folder.keepVersion(name, kept.Deleted); err != nil {
		return err
	}
	return m.folder.remove(e)
}

func (m *modelFS) RemoveAll(name string) error {
	e, err := m.folder.open(name)
	if err != nil {
		return err
	}
	defer e.Close()
	return e.Dir.RemoveAll(e.Name)
}

// Rename keeps the loser of a conflict outside of the folder, where no compiler finds it.
func (m *modelFS) Rename(from, to string) error {
	before, after, release, err := rooted.OpenBoth(m.folder.root, filepath.Clean(from), filepath.Clean(to))
	if err != nil {
		return err
	}
	defer release()
	if strings.Contains(after.Name, ".sync-conflict-") && !strings.Contains(before.Name, ".sync-conflict-") {
		if _, err := before.Lstat(); err != nil {
			return err
		}
		if err := m.folder.keepVersion(from, kept.Conflict); err != nil || m.folder.replacing(from) {
			return err
		}
		return m.folder.remove(before)
	}
	m.folder.finish(from, false)
	if m.folder.mine(to) || m.folder.mine(from) {
		return errMounted
	}
	switch {
	case fs.IsTemporary(from) == fs.IsTemporary(to): // a name in another spelling
		return before.Rename(after)
	case fs.IsTemporary(from):
		return m.folder.put(before, after)
	}
	// The other side moved it: it comes to its new place next, where it is theirs.
	if err := m.folder.keepVersion(from, kept.Moved); err != nil {
		return err
	}
	return m.folder.moveAway(before, after)
}
