// Package rooted reaches what is below a folder without following a link: what the other side names can neither be outside of the folder,
// nor anywhere but where its name says. It knows nothing of sync.
package rooted

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrLink says that a link is on the way to a name.
var ErrLink = errors.New("a link is on the way")

// Entry opens the folder that a name below a root is in, and returns what the name is there. The caller closes it.
func Entry(root, name string) (dir *os.Root, base string, err error) { return entry(root, name, false) }

// NewEntry is Entry for something that is about to be made: folders that are missing are made first.
func NewEntry(root, name string) (dir *os.Root, base string, err error) {
	return entry(root, name, true)
}

func entry(root, name string, make bool) (*os.Root, string, error) {
	name = filepath.FromSlash(name)
	if !filepath.IsLocal(name) || filepath.Clean(name) != name || name == "." {
		return nil, "", fmt.Errorf("%q is no name of something below %s", name, root)
	}
	dir, err := os.OpenRoot(root)
	if err != nil {
		return nil, "", err
	}
	parts := strings.Split(name, string(filepath.Separator))
	for i, part := range parts[:len(parts)-1] {
		next, err := enter(dir, part, make)
		dir.Close()
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", filepath.Join(parts[:i+1]...), err)
		}
		dir = next
	}
	return dir, parts[len(parts)-1], nil
}

// enter opens a folder in another. One that becomes a link after the look leads to somewhere in the other at most.
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
		return nil, fmt.Errorf("it is no folder: %w", fs.ErrExist)
	}
	return dir.OpenRoot(name)
}

// Reach returns an error unless a name below a root is reached without a link. What is on the way and not there yet is no link.
func Reach(root, name string) error {
	name = filepath.FromSlash(name)
	if !filepath.IsLocal(name) {
		return fmt.Errorf("%q is no name of something below %s", name, root)
	}
	for i := range len(name) {
		if name[i] != filepath.Separator {
			continue
		}
		info, err := os.Lstat(filepath.Join(root, name[:i]))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case info.Mode()&fs.ModeSymlink != 0:
			return fmt.Errorf("%s: %w", name[:i], ErrLink)
		}
	}
	return nil
}

// Lstat describes what a name below a root is.
func Lstat(root, name string) (os.FileInfo, error) {
	dir, base, err := Entry(root, name)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.Lstat(base)
}

// Remove removes what a name below a root is: a file, a link, or an empty folder.
func Remove(root, name string) error {
	dir, base, err := Entry(root, name)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Remove(base)
}
