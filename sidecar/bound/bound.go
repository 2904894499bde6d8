// Package bound limits what is read of a far end that no one vouches for: more than the limit is an error, instead of
// memory.
package bound

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"sync/atomic"
)

// Error says that there was more than was to be read.
type Error struct{ Limit int64 }

func (e *Error) Error() string { return fmt.Sprintf("more than %d bytes came", e.Limit) }

// Reader reads at most so many bytes; where there are more, it fails.
func Reader(from io.Reader, limit int64) io.Reader {
	return &reader{from: from, left: limit, limit: limit}
}

type reader struct {
	from        io.Reader
	left, limit int64
}

func (r *reader) Read(p []byte) (int, error) {
	if int64(len(p)) > r.left+1 { // one more tells whether there is more
		p = p[:r.left+1]
	}
	n, err := r.from.Read(p)
	if int64(n) <= r.left {
		r.left -= int64(n)
		return n, err
	}
	n, r.left = int(r.left), 0
	return n, &Error{r.limit}
}

// Conn is a connection of which at most so many bytes are read.
func Conn(conn net.Conn, limit int64) net.Conn { return limitedConn{conn, Reader(conn, limit)} }

type limitedConn struct {
	net.Conn
	reader io.Reader
}

func (c limitedConn) Read(p []byte) (int, error) { return c.reader.Read(p) }

// Answers is a connection of which at most so many bytes are read after each write: what the far end may answer to one
// request. A conversation may take as long as it likes, and no answer fills the memory.
func Answers(conn net.Conn, limit int64) net.Conn {
	c := &answers{Conn: conn, limit: limit}
	c.left.Store(limit)
	return c
}

type answers struct {
	net.Conn
	limit int64
	left  atomic.Int64 // reads and writes are made at the same time
}

func (c *answers) Write(p []byte) (int, error) {
	c.left.Store(c.limit)
	return c.Conn.Write(p)
}

func (c *answers) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.left.Add(-int64(n)) < 0 {
		return 0, &Error{c.limit}
	}
	return n, err
}

// Buffer keeps at most Limit bytes; a write of more fails.
type Buffer struct {
	Limit int
	bytes bytes.Buffer
}

func (b *Buffer) Write(p []byte) (int, error) {
	if b.bytes.Len()+len(p) > b.Limit {
		return 0, &Error{int64(b.Limit)}
	}
	return b.bytes.Write(p)
}

func (b *Buffer) String() string { return b.bytes.String() }
