// Package seed copies the files that an image has in the folder of the sources into that folder's volume, which would
// hide them.
package seed

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// old is the time of copied files: whatever the developer has of the same name is newer, and wins.
func old() time.Time { return time.Unix(1, 0) }

// Copy copies folders, regular files and symlinks from one folder to another; what is there already stays. A missing
// source is no error.
func Copy(from, to string) error {
	source, err := os.OpenRoot(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open the image's folder: %w", err)
	}
	defer source.Close()
	target, err := os.OpenRoot(to)
	if err != nil {
		return fmt.Errorf("open the volume: %w", err)
	}
	defer target.Close()
	return fs.WalkDir(source.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("read %s: %w", filepath.Join(from, name), err)
		}
		if _, err := target.Lstat(name); err == nil {
			return nil
		}
		if err := copyOne(source, target, name, d); err != nil {
			return fmt.Errorf("copy %s: %w", filepath.Join(from, name), err)
		}
		return nil
	})
}

func copyOne(source, target *os.Root, name string, d fs.DirEntry) error {
	switch {
	case d.IsDir():
		return target.Mkdir(name, 0o755)
	case d.Type()&fs.ModeSymlink != 0:
		link, err := source.Readlink(name)
		if err != nil {
			return err
		}
		return target.Symlink(link, name)
	case d.Type().IsRegular():
		return copyFile(source, target, name)
	default:
		return nil // a socket or a device is none of the sources
	}
}

func copyFile(source, target *os.Root, name string) error {
	in, err := source.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := target.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, info.Mode().Perm()|0o200)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	return target.Chtimes(name, old(), old())
}
