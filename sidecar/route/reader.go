package route

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// bufferSize is how much is read at once, in bytes. A connection that waits holds no buffer.
const bufferSize = 32 << 10

// buffers are kept for the next connection that has something to read.
type buffers struct{ pool sync.Pool }

func (b *buffers) take() []byte {
	if kept, ok := b.pool.Get().(*[]byte); ok {
		return *kept
	}
	return make([]byte, bufferSize)
}

func (b *buffers) put(buffer []byte) { b.pool.Put(&buffer) }

// reader reads a connection, and shows what it has read before anyone takes it.
type reader struct {
	conn    net.Conn
	buffers *buffers
	buffer  []byte // nil while it is empty
	from    int
	to      int
	one     [1]byte
}

// held are the bytes that were read and not taken.
func (r *reader) held() []byte { return r.buffer[r.from:r.to] }

// take says that so many of them are done with.
func (r *reader) take(n int) {
	r.from += n
	if r.from == r.to && r.buffer != nil {
		r.buffers.put(r.buffer)
		r.buffer, r.from, r.to = nil, 0, 0
	}
}

// wait returns once something is held. It waits without a buffer.
func (r *reader) wait() error {
	if len(r.held()) > 0 {
		return nil
	}
	if _, err := io.ReadFull(r.conn, r.one[:]); err != nil {
		return err
	}
	r.buffer = r.buffers.take()
	r.buffer[0], r.from, r.to = r.one[0], 0, 1
	return nil
}

// fill reads more than is held.
func (r *reader) fill() error {
	if r.buffer == nil {
		r.buffer = r.buffers.take()
	}
	if r.to == len(r.buffer) {
		if r.from == 0 {
			return errFull
		}
		r.to = copy(r.buffer, r.held())
		r.from = 0
	}
	n, err := r.conn.Read(r.buffer[r.to:])
	r.to += n
	if n == 0 && err == nil {
		err = io.ErrNoProgress
	}
	if n > 0 {
		return nil // an error comes again
	}
	r.take(0)
	return err
}

// more returns what is held, after reading some where there is nothing.
func (r *reader) more() ([]byte, error) {
	if len(r.held()) == 0 {
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
	return r.held(), nil
}

var errFull = errors.New("more than is read at once")

// watch waits in the background for the far end to send something or to end, until the returned function is called:
// that says which it was. A nil error without anything held says that the far end is silent.
func (r *reader) watch() (stop func() error) {
	done := make(chan error, 1)
	go func() { done <- r.wait() }()
	return func() error {
		_ = r.conn.SetReadDeadline(time.Unix(1, 0))
		err := <-done
		_ = r.conn.SetReadDeadline(time.Time{})
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		return err
	}
}
