//go:build unix

package filesync

import (
	"fmt"
	"os"
	"syscall"
)

// identity tells a folder from one that was put in its place.
func identity(root string) (string, error) {
	info, err := os.Stat(root)
	if err != nil {
		return "", err
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf("%d:%d", s.Dev, s.Ino), nil
	}
	return "", nil
}
