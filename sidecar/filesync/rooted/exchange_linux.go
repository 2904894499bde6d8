package rooted

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Exchange lets two entries change places in one step. Not every file system can: errors.ErrUnsupported says so.
func (e Entry) Exchange(with Entry) error {
	return e.renameFlags("exchange", with, unix.RENAME_EXCHANGE)
}

// MoveNew moves the entry to where nothing is.
func (e Entry) MoveNew(to Entry) error {
	err := e.renameFlags("move", to, unix.RENAME_NOREPLACE)
	if errors.Is(err, errors.ErrUnsupported) {
		return e.linkNew(to)
	}
	return err
}

func (e Entry) renameFlags(op string, to Entry, flags uint) error {
	return e.between(op, to, func(fromDir int, from string, toDir int, to string) error {
		err := unix.Renameat2(fromDir, from, toDir, to, flags)
		if errors.Is(err, unix.EINVAL) {
			return errors.ErrUnsupported
		}
		return err
	})
}
