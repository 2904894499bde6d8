// Package rooted reads and changes the entries below a directory without following a link on the way: a name of the
// other side leads neither out of the directory, nor anywhere but where it says, whoever changes the tree at the same
// time. It knows nothing of sync.
package rooted

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// ErrLink says that a link is on the way to a name.
var ErrLink = errors.New("a link is on the way")

// Entry is a name in a directory that is open. Whatever takes the directory's place in the tree, the entry's methods
// act in the directory that was opened.
type Entry struct {
	// Dir is the directory, and Name the entry's name in it.
	Dir  *os.Root
	Name string
	// Path is the entry's path below the root.
	Path string

	root string
}

// Open opens the directory that a name below a root is in. The caller closes the entry.
func Open(root, name string) (Entry, error) { return open(root, name, false) }

// OpenNew is Open for something that is about to be made: missing directories are made first.
func OpenNew(root, name string) (Entry, error) { return open(root, name, true) }

func open(root, name string, make bool) (Entry, error) {
	name, err := below(root, name)
	if err != nil {
		return Entry{}, err
	}
	dir, err := openDir(root, filepath.Dir(name), make)
	if err != nil {
		return Entry{}, err
	}
	return Entry{Dir: dir, Name: filepath.Base(name), Path: name, root: root}, nil
}

// openDir opens a directory at or below a root: at once where the system can, else, and to find out what is wrong, step
// by step.
func openDir(root, name string, make bool) (*os.Root, error) {
	if name != "." {
		if dir, err := openAtOnce(root, name); err == nil {
			return dir, nil
		}
	}
	return walk(root, name, make)
}

func walk(root, name string, make bool) (*os.Root, error) {
	dir, err := os.OpenRoot(root)
	if err != nil || name == "." {
		return dir, err
	}
	parts := strings.Split(name, string(filepath.Separator))
	for i, part := range parts {
		next, err := enter(dir, part, make)
		dir.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(parts[:i+1]...), err)
		}
		dir = next
	}
	return dir, nil
}

// OpenBoth opens two entries below a root, which share a directory that is the same; release closes both.
func OpenBoth(root, one, other string) (a, b Entry, release func(), err error) {
	if other, err = below(root, other); err != nil {
		return a, b, nil, err
	}
	if a, err = Open(root, one); err != nil {
		return a, b, nil, err
	}
	if filepath.Dir(a.Path) == filepath.Dir(other) {
		return a, a.Sibling(filepath.Base(other)), func() { a.Close() }, nil
	}
	if b, err = Open(root, other); err != nil {
		a.Close()
		return a, b, nil, err
	}
	return a, b, func() { a.Close(); b.Close() }, nil
}

// below checks a name of something below a root.
func below(root, name string) (string, error) {
	native := filepath.FromSlash(name)
	if !filepath.IsLocal(native) || filepath.Clean(native) != native || native == "." {
		return "", fmt.Errorf("%q is no name of something below %s", name, root)
	}
	return native, nil
}

// enter opens a directory in another, and makes sure that it is the one that it has looked at.
func enter(dir *os.Root, name string, make bool) (*os.Root, error) {
	info, err := dir.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) && make {
		if err = dir.Mkdir(name, 0o755); err == nil || errors.Is(err, fs.ErrExist) {
			info, err = dir.Lstat(name)
		}
	}
	switch {
	case err != nil:
		return nil, err
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, ErrLink
	case !info.IsDir():
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.ENOTDIR}
	}
	next, err := dir.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	if opened, err := next.Stat("."); err != nil || !os.SameFile(info, opened) {
		next.Close()
		return nil, errors.Join(ErrLink, err) // os.Root has followed one that took the directory's place
	}
	return next, nil
}

// Close closes the directory.
func (e Entry) Close() error { return e.Dir.Close() }

// Sibling is another entry of the same directory. Closing one closes both.
func (e Entry) Sibling(name string) Entry {
	return Entry{Dir: e.Dir, Name: name, Path: filepath.Join(filepath.Dir(e.Path), name), root: e.root}
}

// Lstat describes the entry; of a link, the link itself.
func (e Entry) Lstat() (os.FileInfo, error) { return e.Dir.Lstat(e.Name) }

// OpenFile opens a file. One that is a link leads to another entry of the directory at most.
func (e Entry) OpenFile(flags int, mode os.FileMode) (*os.File, error) {
	return e.Dir.OpenFile(e.Name, flags, mode.Perm())
}

// Explain returns an error that concerns the entry's file with the entry's path in it: an open file may know another.
func (e Entry) Explain(err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		p.Path = e.Path
	}
	return err
}

// Chmod sets the permissions.
func (e Entry) Chmod(mode os.FileMode) error { return e.Dir.Chmod(e.Name, mode) }

// Chtimes sets the times.
func (e Entry) Chtimes(atime, mtime time.Time) error { return e.Dir.Chtimes(e.Name, atime, mtime) }

// Remove removes a file, a link, or an empty directory.
func (e Entry) Remove() error { return e.Dir.Remove(e.Name) }

// Rename moves the entry, and replaces what is there.
func (e Entry) Rename(to Entry) error {
	if e.Dir == to.Dir {
		return e.Dir.Rename(e.Name, to.Name)
	}
	return e.renameBetween(to)
}

// linkNew is MoveNew where the system has no such call. A file system without hard links can only be asked first.
func (e Entry) linkNew(to Entry) error {
	err := e.Link(to)
	switch {
	case err == nil:
		return e.Remove()
	case errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist):
		return err
	}
	if _, err := to.Lstat(); !errors.Is(err, fs.ErrNotExist) {
		return &os.LinkError{Op: "move", Old: e.Path, New: to.Path, Err: errors.Join(fs.ErrExist, err)}
	}
	return e.Rename(to)
}

// Lstat describes what a name below a root is.
func Lstat(root, name string) (os.FileInfo, error) {
	e, err := Open(root, name)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	return e.Lstat()
}

// Remove removes what a name below a root is: a file, a link, or an empty directory.
func Remove(root, name string) error {
	e, err := Open(root, name)
	if err != nil {
		return err
	}
	defer e.Close()
	return e.Remove()
}
