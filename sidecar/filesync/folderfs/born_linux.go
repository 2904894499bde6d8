package folderfs

import "golang.org/x/sys/unix"

// timesOf are the times of a file; none where the file system does not say, or another file has the path by now.
func timesOf(path string, inode uint64) times {
	const wanted = unix.STATX_INO | unix.STATX_BTIME | unix.STATX_CTIME | unix.STATX_MTIME
	var s unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, wanted, &s)
	if err != nil || s.Mask&unix.STATX_BTIME == 0 || s.Ino != inode {
		return times{}
	}
	since := func(t unix.StatxTimestamp) int64 { return t.Sec*1e9 + int64(t.Nsec) }
	return times{born: since(s.Btime), changed: since(s.Ctime), saved: since(s.Mtime)}
}
