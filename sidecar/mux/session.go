// Package mux carries many streams on one connection. A stream is as a TCP connection is: each direction ends for
// itself, either end may reset it with a reason, and a slow reader holds up the writer of its own stream alone. It
// knows nothing of what streams are for, and expects of the connection that it keeps bytes in order; whom it leads
// to has been proven before.
package mux

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Errors of streams and sessions.
var (
	// ErrReset says that the far end has reset the stream; the text has its reason.
	ErrReset = errors.New("reset by the far end")
	// ErrLost says that the connection under a stream has ended before the stream did.
	ErrLost = errors.New("the connection is lost")
	// ErrFull says that the session has as many streams as it may.
	ErrFull = errors.New("too many streams")

	errProtocol     = errors.New("the far end breaks the protocol")
	errWriteTimeout = errors.New("the far end takes nothing")
)

// readBuffer is the size of the buffer that frames are read into, in bytes. The data of larger ones go past it, into
// their stream's buffer.
const readBuffer = 4 << 10

// backlog is how many streams may wait to be accepted.
const backlog = 256

// Options shape a session.
type Options struct {
	// Client is set at one of the two ends; which one makes no difference.
	Client bool
	// Incoming is how many streams the far end may have open at a time. With 0 it opens none.
	Incoming int
	// WriteTimeout is how long a write to the connection may take before the session ends.
	WriteTimeout time.Duration
}

// Session is a connection with many streams.
type Session struct {
	options  Options
	conn     io.ReadWriteCloser
	reader   *bufio.Reader
	lastRead atomic.Int64
	moved    atomic.Int64

	// turn is held by whoever writes to the connection, and with it comes out.
	turn     chan struct{}
	out      []byte
	watchdog *time.Timer

	accepting chan *Stream
	news      chan struct{} // there are control frames to write
	done      chan struct{}
	loops     sync.WaitGroup
	rings     rings

	mu       sync.Mutex
	err      error // why the session has ended
	streams  map[uint32]*Stream
	next     uint32 // number of the next stream of this end
	last     uint32 // number of the last stream of the far end
	incoming int
	budget   budget
	queue    []*Stream // streams that have control frames to write
	refusals []refusal
	ping     *ping
	pong     *uint64
}

// refusal is the reset of a stream that was not taken.
type refusal struct {
	stream uint32
	reason string
}

// maxRefusals limits refusals that wait to be written: who opens more does not read.
const maxRefusals = backlog

// ping is one that waits for its answer.
type ping struct {
	number uint64
	sent   bool
	at     time.Time
	answer chan time.Duration
}

// New returns a session on a connection, which it owns from then on.
func New(conn io.ReadWriteCloser, o Options) *Session {
	s := &Session{
		options:   o,
		conn:      conn,
		turn:      make(chan struct{}, 1),
		accepting: make(chan *Stream, backlog),
		news:      make(chan struct{}, 1),
		done:      make(chan struct{}),
		streams:   map[uint32]*Stream{},
		next:      2,
		budget:    budget{free: growth},
	}
	if o.Client {
		s.next = 1
	}
	s.lastRead.Store(time.Now().UnixNano())
	s.reader = bufio.NewReaderSize(heard{s}, readBuffer)
	s.watchdog = time.AfterFunc(time.Hour, func() { s.fail(errWriteTimeout) })
	s.watchdog.Stop()
	s.loops.Go(func() { s.fail(s.readFrames()) })
	s.loops.Go(s.writeControl)
	return s
}

// heard reads from the connection, and notes when something came.
type heard struct{ s *Session }

func (h heard) Read(p []byte) (int, error) {
	n, err := h.s.conn.Read(p)
	if n > 0 {
		h.s.lastRead.Store(time.Now().UnixNano())
		h.s.moved.Add(int64(n))
	}
	return n, err
}

// Open opens a stream. At most FirstData bytes go with the request. The far end may not have accepted the stream
// when Open returns.
func (s *Session) Open(ctx context.Context, first []byte) (*Stream, error) {
	if len(first) > FirstData {
		return nil, fmt.Errorf("open a stream with %d bytes of data: the limit is %d", len(first), FirstData)
	}
	// Numbers must go out in their order, so the turn comes first.
	if err := s.takeTurn(ctx.Done(), nil); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	defer s.endTurn()
	s.mu.Lock()
	switch {
	case s.err != nil:
		defer s.mu.Unlock()
		return nil, s.lost()
	case len(s.streams) >= maxStreams, s.next >= 1<<31:
		s.mu.Unlock()
		return nil, ErrFull
	}
	stream := newStream(s, s.next, floor-len(first))
	s.next += 2
	s.streams[stream.number] = stream
	s.gather()
	s.out = appendWindow(s.out, kindOpen, stream.number, stream.granted, first)
	s.mu.Unlock()
	return stream, s.flush(nil)
}

// FirstData is how many bytes a stream can be opened with.
const FirstData = floor

// Accept returns the next stream that the far end has opened.
func (s *Session) Accept() (*Stream, error) {
	select {
	case stream := <-s.accepting:
		return stream, nil
	case <-s.done:
		s.mu.Lock()
		defer s.mu.Unlock()
		return nil, s.lost()
	}
}

// Ping measures a round trip. One call at a time.
func (s *Session) Ping(ctx context.Context) (time.Duration, error) {
	s.mu.Lock()
	p := &ping{answer: make(chan time.Duration, 1)}
	if s.ping != nil {
		p.number = s.ping.number + 1
	}
	s.ping = p
	s.mu.Unlock()
	s.notify()
	select {
	case rtt := <-p.answer:
		return rtt, nil
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	case <-s.done:
		s.mu.Lock()
		defer s.mu.Unlock()
		return 0, s.lost()
	}
}

// Done is closed when the session has ended.
func (s *Session) Done() <-chan struct{} { return s.done }

// LastRead is when the last byte came.
func (s *Session) LastRead() time.Time { return time.Unix(0, s.lastRead.Load()) }

// Moved is how many bytes have been read and written so far.
func (s *Session) Moved() int64 { return s.moved.Load() }

// Streams is how many streams are open.
func (s *Session) Streams() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.streams)
}

// Close ends the session and its streams, and waits for its goroutines.
func (s *Session) Close() error {
	s.fail(net.ErrClosed)
	s.loops.Wait()
	for { // no one accepts these any more
		select {
		case stream := <-s.accepting:
			_ = stream.Close()
		default:
			return nil
		}
	}
}

// fail ends the session for a reason.
func (s *Session) fail(err error) {
	if err == io.EOF { // streams have not ended as they should
		err = io.ErrUnexpectedEOF
	}
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return
	}
	s.err = err
	lost := s.lost()
	for _, stream := range s.streams {
		stream.end(lost, lost)
	}
	s.mu.Unlock()
	close(s.done)
	s.watchdog.Stop()
	s.conn.Close()
}

// lost is the error of streams of a session that has ended. The caller holds the lock.
func (s *Session) lost() error { return fmt.Errorf("%w: %w", ErrLost, s.err) }
