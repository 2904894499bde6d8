//go:build unix && !linux

package sharedfile

import (
	"os"
	"syscall"
)

// own gives a file the owner of another one.
func own(f *os.File, info os.FileInfo) error {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return f.Chown(int(s.Uid), int(s.Gid))
}
