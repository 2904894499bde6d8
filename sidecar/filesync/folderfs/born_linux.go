package folderfs

import "golang.org/x/sys/unix"

// born is when a file was made, in nanoseconds since 1970; 0 where the file system does not say, or another file has
// the path by now.
func born(path string, inode uint64) int64 {
	var s unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_INO|unix.STATX_BTIME, &s)
	if err != nil || s.Mask&unix.STATX_BTIME == 0 || s.Ino != inode {
		return 0
	}
	return s.Btime.Sec*1e9 + int64(s.Btime.Nsec)
}
