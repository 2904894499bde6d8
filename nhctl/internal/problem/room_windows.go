package problem

import (
	"errors"

	"golang.org/x/sys/windows"
)

const full = windows.ERROR_DISK_FULL

// noRoom says whether a disk has no room left.
func noRoom(err error) bool {
	return errors.Is(err, full) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) ||
		errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}
