package netstack

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// near is the end of a connection that a program of the device has.
type near struct {
	*gonet.TCPConn
	endpoint tcpip.Endpoint
	queue    *waiter.Queue
}

// reset cuts the connection off, so that the program sees it.
func (n near) reset() { n.endpoint.Abort() }

// tcp takes a request for a connection, in a goroutine of its own.
func (s *Stack) tcp(r *tcp.ForwarderRequest) {
	id := r.ID()
	defer s.link.forget(id)
	if !s.enter() {
		r.Complete(true)
		return
	}
	defer s.running.Done()
	to := target(id)
	if s.isDNS(to) {
		if n, ok := accept(r); ok {
			s.serveDNS(n)
		}
		return
	}
	verdict := s.o.Network.JudgeTCP(to)
	switch {
	case verdict == Refuse:
		r.Complete(true)
	case verdict == Accept && !s.doubts.has(to):
		if n, ok := accept(r); ok {
			s.ahead(n, to)
		}
	default:
		s.behind(r, to)
	}
}

// accept takes a request. It is not ok when the program has given up.
func accept(r *tcp.ForwarderRequest) (near, bool) {
	var queue waiter.Queue
	endpoint, err := r.CreateEndpoint(&queue)
	r.Complete(err != nil)
	if err != nil {
		return near{}, false
	}
	endpoint.SocketOptions().SetDelayOption(false)
	return near{TCPConn: gonet.NewTCPConn(&queue, endpoint), endpoint: endpoint, queue: &queue}, true
}

// behind accepts a connection once its far end was reached.
func (s *Stack) behind(r *tcp.ForwarderRequest, to netip.AddrPort) {
	ctx, cancel := context.WithTimeout(s.ctx, dialLimit)
	defer cancel()
	id := r.ID()
	far, err := s.o.Network.DialTCP(ctx, to, nil)
	switch {
	case errors.Is(err, ErrRefused):
		r.Complete(true)
	case errors.Is(err, ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		r.Complete(false)
	case err != nil:
		s.link.unreachable(id, s.link.forget(id))
		r.Complete(false)
	default:
		s.doubts.clear(to)
		n, ok := accept(r)
		if !ok {
			far.Reset()
			return
		}
		s.join(n, far, nil)
	}
}

// ahead connects a connection that was accepted already. Its first bytes travel with the request.
func (s *Stack) ahead(n near, to netip.AddrPort) {
	ctx, cancel := context.WithTimeout(s.ctx, dialLimit)
	defer cancel()
	first := make([]byte, firstSize)
	_ = n.SetReadDeadline(time.Now().Add(firstWait))
	size, err := n.Read(first)
	_ = n.SetReadDeadline(time.Time{})
	if err != nil && !errors.Is(err, io.EOF) && !isTimeout(err) { // the program has cut it off
		n.reset()
		return
	}
	gone := waiter.NewFunctionEntry(waiter.EventErr|waiter.EventHUp, func(waiter.EventMask) { cancel() })
	n.queue.EventRegister(&gone)
	defer n.queue.EventUnregister(&gone)
	far, failed := s.o.Network.DialTCP(ctx, to, first[:size])
	if failed != nil {
		if ctx.Err() == nil {
			s.doubts.note(to)
		}
		n.reset()
		return
	}
	s.join(n, far, err)
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// join copies both ways until both directions have ended. An end of one direction is passed on, and so is a break.
// Ended is io.EOF when the program has ended its direction already.
func (s *Stack) join(n near, far Conn, ended error) {
	stop := context.AfterFunc(s.ctx, func() { n.reset(); far.Reset() })
	defer stop()
	var copying sync.WaitGroup
	copying.Go(func() {
		err := error(nil)
		if !errors.Is(ended, io.EOF) {
			err = s.pump(far, n)
		}
		if err == nil {
			err = far.CloseWrite()
		}
		if err != nil {
			n.reset()
			far.Reset()
		}
	})
	err := s.pump(n, far)
	if err == nil {
		err = n.CloseWrite()
	}
	if err != nil {
		n.reset()
		far.Reset()
	}
	copying.Wait()
	_ = far.Close()
	_ = n.Close()
}

const (
	// idleSize is the buffer of a direction in which nothing happens, bulkSize that of one that has much to carry.
	idleSize = 2 << 10
	bulkSize = 64 << 10
	// firstSize is how many bytes may travel with a request to connect.
	firstSize = 16 << 10
)

// pump copies until the source ends, which is no error. An idle connection holds a small buffer only.
func (s *Stack) pump(to io.Writer, from io.Reader) error {
	small := make([]byte, idleSize)
	for {
		n, err := from.Read(small)
		if n > 0 {
			if _, err := to.Write(small[:n]); err != nil {
				return err
			}
		}
		if err == nil && n == len(small) {
			err = s.bulk(to, from)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// bulk copies with a large buffer for as long as there is much to read at once.
func (s *Stack) bulk(to io.Writer, from io.Reader) error {
	b := s.buffers.Get().(*[bulkSize]byte)
	defer s.buffers.Put(b)
	for {
		n, err := from.Read(b[:])
		if n > 0 {
			if _, err := to.Write(b[:n]); err != nil {
				return err
			}
		}
		if err != nil || n < idleSize {
			return err
		}
	}
}

// serveDNS answers the questions of a connection, one after the other.
func (s *Stack) serveDNS(n near) {
	stop := context.AfterFunc(s.ctx, n.reset)
	defer stop()
	defer n.Close()
	const idle = 10 * time.Second
	for {
		_ = n.SetDeadline(time.Now().Add(idle))
		var size [2]byte
		if _, err := io.ReadFull(n, size[:]); err != nil {
			return
		}
		message := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(n, message); err != nil {
			return
		}
		answer := s.o.Answer(s.ctx, message, true)
		if answer == nil || len(answer) > 1<<16-1 {
			return
		}
		framed := binary.BigEndian.AppendUint16(nil, uint16(len(answer)))
		if _, err := n.Write(append(framed, answer...)); err != nil {
			return
		}
	}
}
