//go:build unix

package foldertest

import (
	"os"
	"syscall"
	"testing"
)

// Inode is the inode of a file.
func Inode(t testing.TB, file string) uint64 {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Ino
}
