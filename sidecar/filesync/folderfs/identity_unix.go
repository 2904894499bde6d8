//go:build unix

package folderfs

import (
	"fmt"
	"os"
	"syscall"
)

// identityOf tells a folder or a file from one that was put in its place.
func identityOf(info os.FileInfo) string {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf("%d:%d", s.Dev, s.Ino)
	}
	return ""
}
