package podfiles

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"

	"github.com/nhctl/nhctl/sidecar/agent/request"
)

// fresh is the name of an entry before it takes another's place.
const fresh = "..nhctl-new"

// put makes a directory what the entries say. Programs see each link change in one step: the kubelet puts all files of
// a volume into a directory with a new name, and then turns one link, so they see all of them change at once. Modes are
// the container's; everything belongs to this user.
func put(root *os.Root, entries []request.Entry) error {
	wanted := map[string]request.Entry{}
	for _, e := range entries {
		wanted[e.Path] = e
	}
	var links []request.Entry
	for _, e := range entries {
		if e.Mode&fs.ModeSymlink != 0 {
			links = append(links, e)
			continue
		}
		if err := putEntry(root, e); err != nil {
			return err
		}
	}
	// The volume's own link, before those that lead through it.
	slices.SortStableFunc(links, func(a, b request.Entry) int {
		return cmp.Compare(order(a.Path), order(b.Path))
	})
	for _, e := range links {
		if err := putLink(root, e); err != nil {
			return err
		}
	}
	if err := removeOthers(root, wanted); err != nil {
		return err
	}
	// Directories last, and those inside others first: their modes may forbid changes.
	for _, e := range slices.Backward(entries) {
		if e.Mode.IsDir() {
			if err := root.Chmod(e.Path, e.Mode.Perm()); err != nil {
				return err
			}
		}
	}
	return nil
}

func order(p string) int {
	if path.Base(p) == "..data" {
		return 0
	}
	return 1
}

// putEntry makes a directory or a file.
func putEntry(root *os.Root, e request.Entry) error {
	is, err := root.Lstat(e.Path)
	there := err == nil
	if there && is.Mode().Type() != e.Mode.Type() {
		if err := remove(root, e.Path); err != nil {
			return err
		}
		there = false
	}
	switch {
	case e.Mode.IsDir() && there:
		return root.Chmod(e.Path, 0o700)
	case e.Mode.IsDir():
		return root.Mkdir(e.Path, 0o700)
	case there && is.Mode().Perm() == e.Mode.Perm():
		if data, err := root.ReadFile(e.Path); err == nil && bytes.Equal(data, e.Data) {
			return nil
		}
	}
	as := path.Join(path.Dir(e.Path), fresh)
	if err := remove(root, as); err != nil {
		return err
	}
	if err := root.WriteFile(as, e.Data, 0o600); err != nil {
		return err
	}
	if err := root.Chmod(as, e.Mode.Perm()); err != nil {
		return err
	}
	return root.Rename(as, e.Path)
}

func putLink(root *os.Root, e request.Entry) error {
	if target, err := root.Readlink(e.Path); err == nil && target == e.Target {
		return nil
	}
	as := path.Join(path.Dir(e.Path), fresh)
	if err := remove(root, as); err != nil {
		return err
	}
	if is, err := root.Lstat(e.Path); err == nil && is.IsDir() {
		if err := remove(root, e.Path); err != nil {
			return err
		}
	}
	if err := root.Symlink(e.Target, as); err != nil {
		return err
	}
	return root.Rename(as, e.Path)
}

// removeOthers removes what is not wanted.
func removeOthers(root *os.Root, wanted map[string]request.Entry) error {
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if _, ok := wanted[name]; ok {
			return nil
		}
		if err := remove(root, name); err != nil {
			return err
		}
		if d.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
}

// remove removes what is at a path, whatever its modes forbid. There may be nothing.
func remove(root *os.Root, name string) error {
	if is, err := root.Lstat(name); err != nil || !is.IsDir() {
		err = root.Remove(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	err := fs.WalkDir(root.FS(), name, func(inside string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && err == nil { // called before the directory is read
			return root.Chmod(inside, 0o700)
		}
		return err
	})
	return errors.Join(err, root.RemoveAll(name))
}

// writeFile writes a file that is mounted itself.
func writeFile(name string, e request.Entry) error {
	if err := os.WriteFile(name, e.Data, 0o600); err != nil {
		return err
	}
	return os.Chmod(name, e.Mode.Perm())
}
