//go:build !linux

package rooted

import (
	"errors"
	"os"
)

// openAtOnce would open a directory below a root in one step.
func openAtOnce(string, string) (*os.Root, error) { return nil, errors.ErrUnsupported }
