// Package bound limits what is read of a far end that no one vouches for: more than the limit is an error, instead of memory.
package bound

import (
	"bytes"
	"fmt"
	"io"
	"net"
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
