//go:build unix

package private

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// othersWrite and others are mode bits.
const (
	othersWrite = 0o022
	others      = 0o077
)

// checkDir looks at the directory that is open, so that nothing else takes its name between the look and the change.
func checkDir(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return &os.PathError{Op: "stat", Path: path, Err: err}
	}
	mode := uint32(stat.Mode) & 0o777
	switch {
	case int(stat.Uid) != os.Geteuid():
		return refuse(path, fmt.Sprintf("user %d owns it, and you are user %d", stat.Uid, os.Geteuid()),
			"remove it, or set XDG_RUNTIME_DIR and XDG_STATE_HOME to directories of yours")
	case mode&othersWrite != 0:
		return refuse(path, fmt.Sprintf("others may write to it (mode %#o)", mode),
			"look whether all that is in it is yours, then: chmod 700 "+path)
	case mode&others != 0:
		if err := unix.Fchmod(fd, 0o700); err != nil {
			return &os.PathError{Op: "chmod", Path: path, Err: err}
		}
	}
	return nil
}

// Owned says whether a directory is the user's.
func Owned(path string) bool {
	var stat unix.Stat_t
	return unix.Stat(path, &stat) == nil && int(stat.Uid) == os.Geteuid() && stat.Mode&unix.S_IFMT == unix.S_IFDIR
}

func checkPeer(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var uid int
	var asked error
	if err := raw.Control(func(fd uintptr) { uid, asked = peerUID(int(fd)) }); err != nil {
		return err
	}
	if asked != nil {
		return fmt.Errorf("ask who is at the other end of the socket: %w", asked)
	}
	return samePeer(uid, os.Geteuid())
}

func samePeer(peer, self int) error {
	if peer != self {
		return fmt.Errorf("%w: user %d, and you are user %d", ErrPeer, peer, self)
	}
	return nil
}
