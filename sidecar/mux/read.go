package mux

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nhctl/nhctl/sidecar/frame"
)

// readFrames reads until the connection ends, or the far end breaks the protocol.
func (s *Session) readFrames() error {
	for {
		kind, size, err := frame.ReadHeader(s.reader)
		if err != nil {
			return err
		}
		length := int(size)
		if err := checkLength(kind, length); err != nil {
			return err
		}
		switch {
		case kind == kindPing || kind == kindPong:
			err = s.readPing(kind)
		case kind >= kindOpen && kind <= kindReset:
			err = s.readStreamFrame(kind, length)
		default:
			err = s.discard(length)
		}
		if err != nil {
			return err
		}
	}
}

func (s *Session) discard(length int) error {
	_, err := s.reader.Discard(length)
	return err
}

// readPing answers a ping, or takes an answer. Of several pings that wait for a pong only the last one gets it.
func (s *Session) readPing(kind byte) error {
	var body [8]byte
	if _, err := io.ReadFull(s.reader, body[:]); err != nil {
		return err
	}
	number := binary.BigEndian.Uint64(body[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	if kind == kindPing {
		s.pong = &number
		s.notify()
	} else if p := s.ping; p != nil && p.sent && p.number == number {
		select {
		case p.answer <- time.Since(p.at):
		default: // it was answered before
		}
	}
	return nil
}

// readStreamFrame handles a frame of a stream.
func (s *Session) readStreamFrame(kind byte, length int) error {
	id, err := s.readNumber()
	if err != nil {
		return err
	}
	length -= numberSize
	value := 0
	if kind == kindOpen || kind == kindWindow {
		if value, err = s.readNumber(); err != nil {
			return err
		}
		length -= numberSize
		if value > largest {
			return fmt.Errorf("%w: a window of %d bytes", errProtocol, value)
		}
	}
	if kind == kindOpen {
		return s.opened(uint32(id), value, length)
	}
	stream, err := s.find(uint32(id))
	switch {
	case err != nil:
		return err
	case stream == nil:
		return s.discard(length)
	case kind == kindData:
		return s.receive(stream, length)
	case kind == kindReset:
		reason := make([]byte, length)
		if _, err := io.ReadFull(s.reader, reason); err != nil {
			return err
		}
		stream.peerReset(strings.ToValidUTF8(string(reason), "?"))
		return nil
	case kind == kindWindow:
		return stream.peerGranted(value)
	case kind == kindStarved:
		stream.peerStarved()
		return nil
	}
	return stream.peerFinished()
}

func (s *Session) readNumber() (int, error) {
	var n [numberSize]byte
	_, err := io.ReadFull(s.reader, n[:])
	return int(binary.BigEndian.Uint32(n[:])), err
}

// mine says whether a stream's number is one that this end gives.
func (s *Session) mine(id uint32) bool { return id%2 == 1 == s.options.Client }

// find returns the stream of a frame, or nil if it is closed at this end.
func (s *Session) find(id uint32) (*Stream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stream, ok := s.streams[id]; ok {
		return stream, nil
	}
	if known := s.mine(id) && id < s.next || !s.mine(id) && id <= s.last; !known || id == 0 {
		return nil, fmt.Errorf("%w: a frame of stream %d, which was never opened", errProtocol, id)
	}
	return nil, nil
}

// opened takes a stream that the far end opens with so many bytes of data, or refuses it.
func (s *Session) opened(id uint32, window, length int) error {
	stream, err := s.admit(id, window)
	if err != nil {
		return err
	}
	if stream == nil {
		return s.discard(length)
	}
	if err := s.receive(stream, length); err != nil {
		_ = stream.Close() // no one else knows it
		return err
	}
	s.accepting <- stream // there is room: admit has looked, and no one else sends
	return nil
}

func (s *Session) admit(id uint32, window int) (*Stream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mine(id) || id <= s.last || id >= 1<<31 {
		return nil, fmt.Errorf("%w: it opens stream %d after %d", errProtocol, id, s.last)
	}
	s.last = id
	reason := ""
	switch {
	case s.options.Incoming == 0:
		reason = "this end takes no streams"
	case s.incoming >= s.options.Incoming || len(s.streams) >= maxStreams:
		reason = ErrFull.Error()
	case len(s.accepting) == cap(s.accepting):
		reason = "too many streams at once"
	}
	if reason == "" {
		stream := newStream(s, id, window)
		stream.incoming = true
		stream.granted += floor // what an opener has from the start is part of the window
		s.incoming++
		s.streams[id] = stream
		stream.grant()
		return stream, nil
	}
	if len(s.refusals) == maxRefusals {
		return nil, fmt.Errorf("%w: it opens streams, and does not read that they are refused", errProtocol)
	}
	s.refusals = append(s.refusals, refusal{id, reason})
	s.notify()
	return nil, nil
}

// receive reads data into a stream's buffer. The space is written to without the lock: no one else touches it.
func (s *Session) receive(stream *Stream, length int) error {
	s.mu.Lock()
	if stream.closed {
		s.mu.Unlock()
		return s.discard(length)
	}
	if stream.readEnd != nil || length > stream.granted {
		defer s.mu.Unlock()
		return fmt.Errorf("%w: %d bytes on stream %d, which may have %d",
			errProtocol, length, stream.number, stream.granted)
	}
	stream.granted -= length
	first, second := stream.buffer.room(&s.rings, length)
	s.mu.Unlock()
	_, err := io.ReadFull(s.reader, first)
	if err == nil {
		_, err = io.ReadFull(s.reader, second)
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !stream.closed {
		stream.buffer.filled(length)
		wake(stream.readable)
	}
	return nil
}
