package kept

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/nhctl/nhctl/sidecar/filesync/rooted"
)

// duplicate copies a file or a symlink, with mode and time.
func duplicate(from, to rooted.Entry) error {
	info, err := from.Lstat()
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := from.Dir.Readlink(from.Name)
		if err != nil {
			return err
		}
		return to.Dir.Symlink(target, to.Name)
	}
	in, err := from.OpenFile(os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := to.OpenFile(os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Chmod(info.Mode().Perm()), out.Close()); err != nil {
		_ = to.Remove()
		return to.Explain(err)
	}
	return to.Chtimes(info.ModTime(), info.ModTime())
}
