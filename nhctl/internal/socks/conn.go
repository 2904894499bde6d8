package socks

import (
	"io"
	"net"
	"sync"
	"sync/atomic"

	"github.com/nhctl/nhctl/sidecar/wire"
)

// begun is a client's connection of which the first bytes were read already. It knows when it is closed. It is no
// *net.TCPConn: whatever copies from one would go past those bytes.
type begun struct {
	net.Conn
	mu     sync.Mutex
	first  []byte
	once   sync.Once
	closed chan struct{}
}

func (c *begun) Read(b []byte) (int, error) {
	c.mu.Lock()
	n := copy(b, c.first)
	c.first = c.first[n:]
	c.mu.Unlock()
	if n > 0 {
		return n, nil
	}
	return c.Conn.Read(b)
}

func (c *begun) end() { c.once.Do(func() { close(c.closed) }) }

func (c *begun) Close() error { defer c.end(); return c.Conn.Close() }

func (c *begun) CloseWrite() error { return wire.CloseWrite(c.Conn) }

func (c *begun) Reset(reason string) error {
	defer c.end()
	wire.Reset(c.Conn, reason)
	return nil
}

// handed is a listener whose connections are handed over one by one.
type handed struct {
	address net.Addr
	conns   chan net.Conn
	done    <-chan struct{}
}

// serve hands a connection over, and returns once it was closed.
func (h *handed) serve(conn net.Conn, first []byte) {
	c := &begun{Conn: conn, first: first, closed: make(chan struct{})}
	select {
	case h.conns <- c:
		<-c.closed
	case <-h.done:
		c.Close()
	}
}

func (h *handed) Accept() (net.Conn, error) {
	select {
	case conn := <-h.conns:
		return conn, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

func (h *handed) Close() error   { return nil }
func (h *handed) Addr() net.Addr { return h.address }

// hijacked is a client's connection that was an HTTP server's, which has read some of it.
type hijacked struct {
	net.Conn
	reader io.Reader
}

func (c hijacked) Read(b []byte) (int, error) { return c.reader.Read(b) }
func (c hijacked) CloseWrite() error          { return wire.CloseWrite(c.Conn) }

func (c hijacked) Reset(reason string) error {
	wire.Reset(c.Conn, reason)
	return nil
}

// counted is a connection in the cluster, whose bytes the proxy counts.
type counted struct {
	net.Conn
	proxy *Proxy
	once  sync.Once
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.proxy.received.Add(int64(n))
	return n, err
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.proxy.sent.Add(int64(n))
	return n, err
}

// WriteTo and ReadFrom leave it to the stream how much it copies at a time.

func (c *counted) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(countingWriter{w, &c.proxy.received}, c.Conn)
}

func (c *counted) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(c.Conn, countingReader{r, &c.proxy.sent})
}

func (c *counted) end() { c.once.Do(func() { c.proxy.open.Add(-1) }) }

func (c *counted) Close() error { defer c.end(); return c.Conn.Close() }

func (c *counted) CloseWrite() error { return wire.CloseWrite(c.Conn) }

func (c *counted) Reset(reason string) error {
	defer c.end()
	wire.Reset(c.Conn, reason)
	return nil
}

type countingWriter struct {
	io.Writer
	count *atomic.Int64
}

func (c countingWriter) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	c.count.Add(int64(n))
	return n, err
}

type countingReader struct {
	io.Reader
	count *atomic.Int64
}

func (c countingReader) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.count.Add(int64(n))
	return n, err
}
