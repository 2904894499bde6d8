package filesync

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// exchange lets two files change places in one step. Not every file system can: errors.ErrUnsupported says so.
func exchange(a, b string) error {
	return rename("exchange", a, b, unix.RENAME_EXCHANGE)
}

// moveNew moves a file to where nothing is.
func moveNew(from, to string) error {
	err := rename("move", from, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, errors.ErrUnsupported) {
		return linkNew(from, to)
	}
	return err
}

func rename(op, from, to string, flags uint) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, flags)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EINVAL):
		err = errors.ErrUnsupported
	}
	return &os.LinkError{Op: op, Old: from, New: to, Err: err}
}
