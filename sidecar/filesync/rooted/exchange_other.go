//go:build !linux

package rooted

import "errors"

// Exchange would let two entries change places in one step.
func (e Entry) Exchange(Entry) error { return errors.ErrUnsupported }

// MoveNew moves the entry to where nothing is.
func (e Entry) MoveNew(to Entry) error { return e.linkNew(to) }
