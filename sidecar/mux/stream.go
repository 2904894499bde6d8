package mux

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

var (
	errCancelled = errors.New("cancelled")
	errDeadline  = os.ErrDeadlineExceeded
)

// Stream is a stream of a session. It is a net.Conn whose directions end for themselves.
type Stream struct {
	session  *Session
	number   uint32
	reading  sync.Mutex // held by the goroutine that reads
	sending  sync.Mutex // held by the goroutine that writes
	readable chan struct{}
	writable chan struct{}
	readBy   deadline
	writeBy  deadline

	// What follows is guarded by the session's lock, except for the bytes of the buffer.
	buffer   buffer
	incoming bool
	closed   bool  // this end has closed it, and it is no longer one of the session's
	readEnd  error // what Read returns after the buffer's bytes
	writeEnd error // what Write returns

	window   int // see there
	granted  int // the far end may send so many bytes
	wanted   bool
	sendable int // this end may send so many bytes

	// What the next control frames say.
	queued  bool
	credit  int
	starved bool // asked for more; until more comes
	ask     bool
	fin     bool
	reset   bool
	reason  string
}

// newStream returns a stream on which this end may send so many bytes. The caller holds the lock.
func newStream(s *Session, number uint32, sendable int) *Stream {
	stream := &Stream{
		session:  s,
		number:   number,
		readable: make(chan struct{}, 1),
		writable: make(chan struct{}, 1),
		window:   s.budget.first(),
		sendable: sendable,
	}
	if s.mine(number) {
		stream.granted = stream.window // the request says so
	}
	return stream
}

// wake tells the goroutine that waits on a channel to look again.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// enqueue has the stream's control frames written. The caller holds the lock, as for all that follow in this file
// up to peerGranted.
func (s *Stream) enqueue() {
	if !s.queued {
		s.queued = true
		s.session.queue = append(s.session.queue, s)
	}
	s.session.notify()
}

// control adds the stream's control frames to a buffer.
func (s *Stream) control(out []byte) []byte {
	s.queued = false
	if s.credit > 0 && !s.closed {
		out = appendWindow(out, kindWindow, s.number, s.credit, nil)
	}
	if s.ask && s.writeEnd == nil {
		out = appendFrame(out, kindStarved, s.number, nil)
	}
	if s.fin {
		out = appendFrame(out, kindFin, s.number, nil)
	}
	if s.reset {
		out = appendFrame(out, kindReset, s.number, []byte(s.reason))
	}
	s.credit, s.ask, s.fin, s.reset = 0, false, false, false
	return out
}

// grant lets the far end send what the window has room for, once that is half of it.
func (s *Stream) grant() {
	if s.closed || s.readEnd != nil {
		return
	}
	if s.wanted && s.buffer.held() == 0 { // the reader waits for data, and the writer for the window
		s.wanted = false
		s.window = s.session.budget.grow(s.window)
	}
	if room := s.window - s.buffer.held() - s.granted; room >= s.window/2 {
		s.wanted = false
		s.granted += room
		s.credit += room
		s.enqueue()
	}
}

// end ends both directions, as far as they have not ended.
func (s *Stream) end(read, write error) {
	if s.readEnd == nil {
		s.readEnd = read
	}
	if s.writeEnd == nil {
		s.writeEnd = write
	}
	wake(s.readable)
	wake(s.writable)
}

// leave takes the stream out of its session.
func (s *Stream) leave() {
	s.closed = true
	s.buffer = buffer{}
	s.session.budget.release(s.window)
	delete(s.session.streams, s.number)
	if s.incoming {
		s.session.incoming--
	}
}

// peerGranted takes a window that the far end gives.
func (s *Stream) peerGranted(more int) error {
	s.session.mu.Lock()
	defer s.session.mu.Unlock()
	if s.sendable += more; s.sendable > largest {
		return fmt.Errorf("%w: a window of %d bytes", errProtocol, s.sendable)
	}
	s.starved = false
	wake(s.writable)
	return nil
}

// peerStarved takes note that the far end has more to send than it may.
func (s *Stream) peerStarved() {
	s.session.mu.Lock()
	defer s.session.mu.Unlock()
	s.wanted = true
	s.grant()
}

func (s *Stream) peerFinished() error {
	s.session.mu.Lock()
	defer s.session.mu.Unlock()
	if !s.closed && s.readEnd == nil {
		s.readEnd = io.EOF
		wake(s.readable)
	}
	return nil
}

func (s *Stream) peerReset(reason string) {
	s.session.mu.Lock()
	defer s.session.mu.Unlock()
	err := error(ErrReset)
	if reason != "" {
		err = fmt.Errorf("%w: %s", ErrReset, reason)
	}
	s.end(err, err)
}

// CloseWrite ends this end's data. The other direction goes on.
func (s *Stream) CloseWrite() error {
	s.session.mu.Lock()
	defer s.session.mu.Unlock()
	if s.writeEnd != nil {
		return s.writeEnd
	}
	s.finish()
	return nil
}

// finish ends this end's data. The caller holds the lock.
func (s *Stream) finish() {
	s.writeEnd = net.ErrClosed
	s.fin = true
	wake(s.writable)
	s.enqueue()
}

// Close ends this end's data, and has no more of the far end's: unless that has ended its own, it hears of a reset
// when it has read all.
func (s *Stream) Close() error {
	s.session.mu.Lock()
	defer s.session.mu.Unlock()
	if s.closed {
		return nil
	}
	if s.writeEnd == nil {
		s.finish()
	}
	if s.readEnd == nil {
		s.reset, s.reason = true, "closed"
		s.enqueue()
	}
	s.abandon()
	return nil
}

// Reset ends both directions at once. The far end gets the reason, of at most 256 bytes.
func (s *Stream) Reset(reason string) error {
	s.session.mu.Lock()
	defer s.session.mu.Unlock()
	if s.closed {
		return nil
	}
	if s.readEnd == nil || s.writeEnd == nil || s.fin {
		s.fin, s.reset, s.reason = false, true, reason[:min(len(reason), maxReason)]
		s.enqueue()
	}
	s.abandon()
	return nil
}

// abandon leaves the session, and lets no one read or write. The caller holds the lock.
func (s *Stream) abandon() {
	s.leave()
	s.readEnd, s.writeEnd = net.ErrClosed, net.ErrClosed
	wake(s.readable)
	wake(s.writable)
}

// LocalAddr is that of the connection, as is RemoteAddr.
func (s *Stream) LocalAddr() net.Addr { return address(s.session.conn, net.Conn.LocalAddr) }

// RemoteAddr is that of the connection.
func (s *Stream) RemoteAddr() net.Addr { return address(s.session.conn, net.Conn.RemoteAddr) }

func address(conn io.ReadWriteCloser, of func(net.Conn) net.Addr) net.Addr {
	if c, ok := conn.(net.Conn); ok {
		return of(c)
	}
	return noAddress{}
}

type noAddress struct{}

func (noAddress) Network() string { return "mux" }
func (noAddress) String() string  { return "mux" }

// SetDeadline sets both deadlines.
func (s *Stream) SetDeadline(t time.Time) error {
	s.readBy.set(t)
	s.writeBy.set(t)
	return nil
}

// SetReadDeadline limits how long Read waits.
func (s *Stream) SetReadDeadline(t time.Time) error { s.readBy.set(t); return nil }

// SetWriteDeadline limits how long Write waits for the far end's reader, and for its turn.
func (s *Stream) SetWriteDeadline(t time.Time) error { s.writeBy.set(t); return nil }
