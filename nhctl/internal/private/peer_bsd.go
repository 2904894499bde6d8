//go:build darwin || freebsd

package private

import "golang.org/x/sys/unix"

// solLocal is SOL_LOCAL, the level of options of local sockets.
const solLocal = 0

// peerUID is the user of the process that connected, or that listens.
func peerUID(fd int) (int, error) {
	peer, err := unix.GetsockoptXucred(fd, solLocal, unix.LOCAL_PEERCRED)
	if err != nil {
		return 0, err
	}
	return int(peer.Uid), nil
}
