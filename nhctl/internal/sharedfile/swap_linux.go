package sharedfile

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// swap has two files change places, and looks afterwards at the one that came out: if someone has edited it in the
// meantime, it returns to its place.
func swap(temporary, path, old string) error {
	exchange := func() error {
		return unix.Renameat2(unix.AT_FDCWD, temporary, unix.AT_FDCWD, path, unix.RENAME_EXCHANGE)
	}
	err := exchange()
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) { // a file system without exchanges
		return rename(temporary, path, old)
	}
	if err != nil {
		return err
	}
	switch now, err := read(temporary); {
	case err != nil:
		return errors.Join(err, exchange())
	case now != old:
		return errors.Join(errOther, exchange())
	}
	return nil
}

// alike gives a file mode, owner and attributes of another one.
func alike(f *os.File, path string, info os.FileInfo) error {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := f.Chown(int(s.Uid), int(s.Gid)); err != nil {
			return err
		}
	}
	const most = 64 << 10
	names := make([]byte, most)
	n, err := unix.Listxattr(path, names)
	if err != nil {
		n = 0 // a file system without attributes
	}
	for _, name := range split(names[:n]) {
		value := make([]byte, most)
		if m, err := unix.Getxattr(path, name, value); err == nil {
			_ = unix.Fsetxattr(int(f.Fd()), name, value[:m], 0) // some are the kernel's own
		}
	}
	return f.Chmod(info.Mode().Perm())
}

// split splits names that each end with a zero.
func split(names []byte) (all []string) {
	begin := 0
	for i, c := range names {
		if c == 0 {
			all = append(all, string(names[begin:i]))
			begin = i + 1
		}
	}
	return all
}
