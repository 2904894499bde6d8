package wire

import (
	"bufio"
	"context"
	"io"
	"net"
	"sync"
)

// Join copies between two connections both ways until both directions have ended, and closes both. The end of one
// direction is passed on, and the other goes on. When a direction breaks, or ctx ends, both connections are reset.
func Join(ctx context.Context, a, b net.Conn) {
	stop := context.AfterFunc(ctx, func() { Reset(a, "shut down"); Reset(b, "shut down") })
	defer stop()
	var copying sync.WaitGroup
	for _, direction := range [][2]net.Conn{{a, b}, {b, a}} {
		from, to := direction[0], direction[1]
		copying.Go(func() {
			_, err := io.Copy(to, from)
			if err == nil {
				err = CloseWrite(to)
			}
			if err != nil {
				Reset(a, err.Error())
				Reset(b, err.Error())
			}
		})
	}
	copying.Wait()
	a.Close()
	b.Close()
}

// CloseWrite ends one direction of a connection, as far as it knows directions.
func CloseWrite(c net.Conn) error {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}

// Reset closes a connection so that its other end sees that it was cut off.
func Reset(c net.Conn, reason string) {
	switch c := c.(type) {
	case interface{ Reset(reason string) error }:
		_ = c.Reset(reason)
		return
	case *net.TCPConn:
		_ = c.SetLinger(0)
	}
	c.Close()
}

// Peeked is a connection of which a reader holds some already.
type Peeked struct {
	net.Conn
	Reader *bufio.Reader
}

func (p Peeked) Read(b []byte) (int, error) { return p.Reader.Read(b) }
