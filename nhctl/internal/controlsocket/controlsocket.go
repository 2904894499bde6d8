//go:build linux

// Package controlsocket is a pair of connected sockets between nhctl and a helper that it starts: messages as JSON, and
// with a message a descriptor. It has no name, so no one else can connect to it.
package controlsocket

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// MaxMessage limits a message in bytes.
const MaxMessage = 128 << 10

// Conn is one end.
type Conn struct {
	conn    *net.UnixConn
	sending sync.Mutex
}

// Pair makes both ends: ours, and a descriptor for the helper, which the caller closes.
func Pair() (*Conn, int, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, -1, fmt.Errorf("make a socket for the helper: %w", err)
	}
	ours, err := New(pair[0])
	if err != nil {
		unix.Close(pair[1])
		return nil, -1, err
	}
	return ours, pair[1], nil
}

// New takes a descriptor over.
func New(fd int) (*Conn, error) {
	file := os.NewFile(uintptr(fd), "control")
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, fmt.Errorf("the helper's socket: %w", err)
	}
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		conn.Close()
		return nil, errors.New("the helper's socket is of another kind")
	}
	return &Conn{conn: unixConn}, nil
}

// Send sends a message, with a descriptor where fd is positive.
func (c *Conn) Send(message any, fd int) error {
	data, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if len(data) > MaxMessage {
		return fmt.Errorf("a message of %d bytes to the helper", len(data))
	}
	var rights []byte
	if fd > 0 {
		rights = unix.UnixRights(fd)
	}
	c.sending.Lock()
	defer c.sending.Unlock()
	_, _, err = c.conn.WriteMsgUnix(data, rights, nil)
	return err
}

// Receive reads the next message; the descriptor is negative where none has come.
func (c *Conn) Receive(message any) (int, error) {
	data, rights := make([]byte, MaxMessage), make([]byte, unix.CmsgSpace(4))
	n, m, _, _, err := c.conn.ReadMsgUnix(data, rights)
	if err != nil {
		return -1, err
	}
	fd := -1
	if messages, err := unix.ParseSocketControlMessage(rights[:m]); err == nil {
		for i := range messages {
			if fds, err := unix.ParseUnixRights(&messages[i]); err == nil && len(fds) > 0 {
				fd = fds[0]
			}
		}
	}
	return fd, json.Unmarshal(data[:n], message)
}

// Peer is who has made the socket.
func (c *Conn) Peer() (*unix.Ucred, error) {
	raw, err := c.conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var peer *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		peer, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	return peer, errors.Join(err, failed)
}

// CloseWrite tells the other end that nothing more comes.
func (c *Conn) CloseWrite() error { return c.conn.CloseWrite() }

// Close closes the socket.
func (c *Conn) Close() error { return c.conn.Close() }
