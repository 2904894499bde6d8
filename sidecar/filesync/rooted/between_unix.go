//go:build unix

package rooted

import (
	"os"

	"golang.org/x/sys/unix"
)

func (e Entry) renameBetween(to Entry) error { return e.between("rename", to, unix.Renameat) }

// Link gives a file, or a link itself, another name, which may be below another root.
func (e Entry) Link(to Entry) error {
	if e.Dir == to.Dir {
		return e.Dir.Link(e.Name, to.Name)
	}
	return e.between("link", to, func(from int, old string, into int, new string) error {
		return unix.Linkat(from, old, into, new, 0)
	})
}

// between calls the system with the descriptors of two entries' directories, which may be the same.
func (e Entry) between(op string, to Entry, call func(fromDir int, from string, toDir int, to string) error) error {
	from, err := e.Dir.Open(".")
	if err != nil {
		return err
	}
	defer from.Close()
	into := from
	if e.Dir != to.Dir {
		if into, err = to.Dir.Open("."); err != nil {
			return err
		}
		defer into.Close()
	}
	if err := call(int(from.Fd()), e.Name, int(into.Fd()), to.Name); err != nil {
		return &os.LinkError{Op: op, Old: e.Path, New: to.Path, Err: err}
	}
	return nil
}
