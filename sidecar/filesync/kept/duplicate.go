package kept

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// duplicate copies a file or a symlink, with mode and time.
func duplicate(fromDir *os.Root, from string, toDir *os.Root, to string) error {
	info, err := fromDir.Lstat(from)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := fromDir.Readlink(from)
		if err != nil {
			return err
		}
		return toDir.Symlink(target, to)
	}
	in, err := fromDir.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := toDir.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Chmod(info.Mode().Perm()), out.Close()); err != nil {
		_ = toDir.Remove(to)
		return err
	}
	return toDir.Chtimes(to, info.ModTime(), info.ModTime())
}
