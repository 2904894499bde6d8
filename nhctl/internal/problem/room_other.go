//go:build !windows

package problem

import (
	"errors"
	"syscall"
)

const full = syscall.ENOSPC

// noRoom says whether a disk has no room left.
func noRoom(err error) bool { return errors.Is(err, full) || errors.Is(err, syscall.EDQUOT) }
