package sharedfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// maxSize limits a file in bytes: hosts files of blockers have some megabytes.
const maxSize = 64 << 20

// tries limits how often an edit begins again because others edit the file, too.
const tries = 10

// ErrBusy says that others have edited the file all the time.
var ErrBusy = errors.New("others edit it all the time")

// errOther says that the file was another one when it was to be replaced.
var errOther = errors.New("the file has changed")

// Check says why a file could not be updated. It changes nothing.
func Check(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

// Update changes a file in one step: whoever reads it sees all of the change, or nothing. Edits that others make at the
// same time are kept. Mode, owner and extended attributes stay. A file that can't be replaced, because it is a mount
// point or its directory can't be written, is overwritten instead.
func Update(path string, change func(string) string) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	for range tries {
		old, err := read(path)
		if err != nil {
			return err
		}
		text := change(old)
		if text == old {
			return nil
		}
		err = replace(path, old, text)
		if immovable(err) {
			err = overwrite(path, old, text)
		}
		if !errors.Is(err, errOther) {
			return err
		}
	}
	return fmt.Errorf("edit %s: %w", path, ErrBusy)
}

func read(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err == nil && len(data) > maxSize {
		err = fmt.Errorf("%s has more than %d MiB", path, maxSize>>20)
	}
	return string(data), err
}

// immovable says whether a file can't be replaced by another one.
func immovable(err error) bool {
	return errors.Is(err, syscall.EBUSY) || errors.Is(err, syscall.EXDEV) || errors.Is(err, syscall.EROFS) ||
		errors.Is(err, os.ErrPermission)
}

// replace puts another file in the place of one that still has the old text.
func replace(path, old, text string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".nhctl-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	if err == nil {
		err = alike(f, path, info)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := swap(f.Name(), path, old); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// overwrite writes into a file that still has the old text.
func overwrite(path, old, text string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	now, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err == nil && string(now) != old {
		err = errOther
	}
	if err == nil {
		_, err = f.WriteAt([]byte(text), 0)
	}
	if err == nil {
		err = f.Truncate(int64(len(text)))
	}
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// rename puts a file in the place of one that still has the old text, as far as that can be known.
func rename(temporary, path, old string) error {
	now, err := read(path)
	if err == nil && now != old {
		err = errOther
	}
	if err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
