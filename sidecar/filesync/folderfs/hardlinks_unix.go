//go:build unix

package folderfs

import "syscall"

// severalNames says whether a file has more names than one, and which file it is, by what the system says of it.
func severalNames(sys any) (fileID, bool) {
	s, ok := sys.(*syscall.Stat_t)
	if !ok {
		return fileID{}, false
	}
	return fileID{uint64(s.Dev), s.Ino}, s.Nlink > 1
}
