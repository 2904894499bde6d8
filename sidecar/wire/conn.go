package wire

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// conn is a byte stream on a WebSocket's binary messages. As with any yamux session, one goroutine reads and one writes.
type conn struct {
	ws       *websocket.Conn
	message  io.Reader
	muxed    bool   // the handshake is done: yamux frames are written
	pending  []byte // a data frame's header that waits for its body
	lastRead atomic.Int64
}

func newConn(ws *websocket.Conn) *conn {
	c := &conn{ws: ws}
	c.lastRead.Store(time.Now().UnixNano())
	return c
}

func (c *conn) Read(p []byte) (int, error) {
	for {
		if c.message == nil {
			kind, r, err := c.ws.NextReader()
			if err != nil {
				if closed := (*websocket.CloseError)(nil); errors.As(err, &closed) {
					return 0, io.EOF
				}
				return 0, err
			}
			if kind != websocket.BinaryMessage {
				continue
			}
			c.message = r
		}
		n, err := c.message.Read(p)
		if n > 0 {
			c.lastRead.Store(time.Now().UnixNano())
		}
		if errors.Is(err, io.EOF) {
			c.message = nil
			if n == 0 {
				continue
			}
			err = nil
		}
		return n, err
	}
}

// yamux writes a data frame's header (version, type, flags, stream, length: 12 bytes) and its body in two calls. Sending them as
// one message saves a system call and a packet on every hop of the port-forward.
const frameHeader = 12

func (c *conn) Write(p []byte) (int, error) {
	const typeData = 0
	if c.muxed && c.pending == nil && len(p) == frameHeader && p[1] == typeData && p[8]|p[9]|p[10]|p[11] != 0 {
		c.pending = append(make([]byte, 0, frameHeader), p...)
		return len(p), nil
	}
	w, err := c.ws.NextWriter(websocket.BinaryMessage)
	if err != nil {
		return 0, err
	}
	if c.pending != nil {
		if _, err := w.Write(c.pending); err != nil {
			return 0, err
		}
		c.pending = nil
	}
	n, err := w.Write(p)
	if err != nil {
		return n, err
	}
	return n, w.Close()
}

func (c *conn) Close() error                       { return c.ws.Close() }
func (c *conn) LocalAddr() net.Addr                { return c.ws.LocalAddr() }
func (c *conn) RemoteAddr() net.Addr               { return c.ws.RemoteAddr() }
func (c *conn) SetReadDeadline(t time.Time) error  { return c.ws.SetReadDeadline(t) }
func (c *conn) SetWriteDeadline(t time.Time) error { return c.ws.SetWriteDeadline(t) }
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.ws.SetReadDeadline(t), c.ws.SetWriteDeadline(t))
}
