//go:build !unix

package rooted

import (
	"os"
	"path/filepath"
)

// renameBetween moves from one directory to another below the root that both are in.
func (e Entry) renameBetween(to Entry) error { return e.between(to, (*os.Root).Rename) }

// Link gives a file another name, which may be below another root.
func (e Entry) Link(to Entry) error {
	switch {
	case e.Dir == to.Dir:
		return e.Dir.Link(e.Name, to.Name)
	case e.root == to.root:
		return e.between(to, (*os.Root).Link)
	}
	return os.Link(filepath.Join(e.root, e.Path), filepath.Join(to.root, to.Path))
}

// between has the root do it, since this system has no calls for two open directories: a link that takes a directory's
// place at that moment leads to somewhere below the root at most.
func (e Entry) between(to Entry, call func(root *os.Root, from, to string) error) error {
	root, err := os.OpenRoot(e.root)
	if err != nil {
		return err
	}
	defer root.Close()
	return call(root, e.Path, to.Path)
}
