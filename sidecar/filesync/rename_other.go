//go:build !linux

package filesync

import "errors"

// exchange would let two files change places in one step.
func exchange(_, _ string) error { return errors.ErrUnsupported }

// moveNew moves a file to where nothing is.
func moveNew(from, to string) error { return linkNew(from, to) }
