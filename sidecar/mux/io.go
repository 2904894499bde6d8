package mux

import "io"

// Read reads what has come. After the far end has ended its data, it returns io.EOF; after a reset ErrReset; each
// after what came before.
func (s *Stream) Read(p []byte) (int, error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	if len(p) == 0 {
		return 0, nil
	}
	first, second, err := s.await()
	if err != nil {
		return 0, err
	}
	n := copy(p, first)
	n += copy(p[n:], second)
	s.consume(n)
	return n, nil
}

// WriteTo writes what comes to w until the stream ends, without a buffer in between.
func (s *Stream) WriteTo(w io.Writer) (total int64, err error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	for {
		first, _, err := s.await()
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
		n, err := w.Write(first)
		s.consume(n)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
}

// await returns the bytes that wait to be read, once there are any. They stay as they are until the caller consumes
// them.
func (s *Stream) await() (first, second []byte, err error) {
	expired := s.readBy.wait()
	for {
		s.session.mu.Lock()
		first, second = s.buffer.data()
		end := s.readEnd
		s.session.mu.Unlock()
		switch {
		case isClosed(expired):
			return nil, nil, errDeadline
		case len(first) > 0:
			return first, second, nil
		case end != nil:
			wake(s.readable) // for the next who reads
			return nil, nil, end
		}
		select {
		case <-s.readable:
		case <-expired:
		}
		expired = s.readBy.wait() // it may have been moved
	}
}

// consume makes room for n bytes.
func (s *Stream) consume(n int) {
	s.session.mu.Lock()
	defer s.session.mu.Unlock()
	if s.closed || n == 0 { // the buffer is gone
		return
	}
	s.buffer.drop(&s.session.rings, n)
	s.grant()
}

// Write sends p, as fast as the far end reads.
func (s *Stream) Write(p []byte) (total int, err error) {
	s.sending.Lock()
	defer s.sending.Unlock()
	for total < len(p) {
		n, err := s.send(p[total:])
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// Sizes of the buffers that ReadFrom reads into, in bytes.
const (
	idleBuffer = 1 << 10
	busyBuffer = 32 << 10
)

// bulkBuffer is the size of the buffer of a stream that is always full: a frame's, as far as the far end takes that
// much. The far end's budget so limits these buffers, too.
func (s *Stream) bulkBuffer() int {
	s.session.mu.Lock()
	defer s.session.mu.Unlock()
	return min(max(s.sendable, busyBuffer), maxPayload)
}

// ReadFrom sends what comes from r until that ends. While little comes, it holds a small buffer only.
func (s *Stream) ReadFrom(r io.Reader) (total int64, err error) {
	buffer := s.session.rings.get(idleBuffer)
	defer func() { s.session.rings.put(buffer) }()
	for {
		n, err := r.Read(buffer)
		if n > 0 {
			sent, err := s.Write(buffer[:n])
			total += int64(sent)
			if err != nil {
				return total, err
			}
		}
		size := len(buffer)
		switch {
		case err == io.EOF:
			return total, nil
		case err != nil:
			return total, err
		case n == size:
			size = max(size, s.bulkBuffer())
		case n < size/4:
			size = max(2*n, idleBuffer)
		}
		if size != len(buffer) {
			s.session.rings.put(buffer)
			buffer = s.session.rings.get(size)
		}
	}
}

// send sends some of p, once the window is open and it is this stream's turn.
func (s *Stream) send(p []byte) (int, error) {
	if err := s.awaitWindow(); err != nil {
		return 0, err
	}
	if err := s.session.takeTurn(nil, s.writeBy.wait()); err != nil {
		return 0, err
	}
	defer s.session.endTurn()
	s.session.mu.Lock()
	if s.writeEnd != nil {
		defer s.session.mu.Unlock()
		return 0, s.writeEnd
	}
	n := min(len(p), s.sendable, maxPayload)
	s.sendable -= n
	s.session.gather()
	s.session.mu.Unlock()
	s.session.out = appendHeader(s.session.out, kindData, s.number, n)
	return n, s.session.flush(p[:n])
}

// awaitWindow returns once something may be sent.
func (s *Stream) awaitWindow() error {
	for {
		expired := s.writeBy.wait()
		s.session.mu.Lock()
		end, open := s.writeEnd, s.sendable > 0
		if end == nil && !open && !s.starved {
			s.starved, s.ask = true, true
			s.enqueue()
		}
		s.session.mu.Unlock()
		switch {
		case end != nil:
			wake(s.writable) // for the next who writes
			return end
		case isClosed(expired):
			return errDeadline
		case open:
			return nil
		}
		select {
		case <-s.writable:
		case <-expired:
		}
	}
}
