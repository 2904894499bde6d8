// Package private keeps a user's directories and sockets to that user: who else could write there, or answer there,
// would act with the user's credentials. It knows nothing of what is in them.
package private

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// Dir makes a directory, where it is missing, that only the user can look into. One that is there is refused where
// someone else owns it or can write to it, since they may have put something into it; one that others can only read is
// closed to them.
func Dir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if info.Mode()&os.ModeSymlink != 0 {
		return refuse(path, "it is a symbolic link, and whoever owns the link decides where it leads",
			"remove it, or set XDG_RUNTIME_DIR and XDG_STATE_HOME to the directory itself")
	}
	return checkDir(path)
}

func refuse(path, why, hint string) error {
	return problem.New(problem.Refused, "%s is not yours alone: %s", path, why).WithHint("%s", hint)
}

// ErrPeer says that another user is at the other end of a socket.
var ErrPeer = errors.New("another user is at the other end of the socket")

// Peer checks that the same user is at the other end of a Unix socket, by the kernel's word.
func Peer(conn net.Conn) error {
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		return fmt.Errorf("%T is no Unix socket", conn)
	}
	return checkPeer(unixConn)
}

// Listens says whether a process listens on a socket.
func Listens(socket string) bool {
	conn, err := net.DialTimeout("unix", socket, time.Second)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}
