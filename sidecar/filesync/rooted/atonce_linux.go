package rooted

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// openAtOnce opens a directory below a root in one step, in which the kernel follows no link. It fails where the kernel
// is older than 5.6, and where /proc is not there: that is the way from a descriptor to an os.Root.
func openAtOnce(root, name string) (*os.Root, error) {
	from, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(from)
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS}
	dir, err := unix.Openat2(from, name, &how)
	if err != nil {
		return nil, err
	}
	defer unix.Close(dir)
	return os.OpenRoot("/proc/self/fd/" + strconv.Itoa(dir))
}
