package mux

import "time"

// takeTurn returns once this goroutine may write to the connection, unless one of the channels is closed first.
// Turns are given in the order in which they are asked for.
func (s *Session) takeTurn(cancel, expired <-chan struct{}) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-cancel:
		return errCancelled
	case <-expired:
		return errDeadline
	case <-s.done:
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.lost()
	}
}

func (s *Session) endTurn() { <-s.turn }

// piecesWriter is a connection that writes several pieces as one without that they are put together before.
type piecesWriter interface {
	WritePieces(pieces ...[]byte) (int, error)
}

// flush writes what is in out, and then the data of its last frame. The caller has the turn. A connection need not
// know deadlines: one that takes too long is closed.
func (s *Session) flush(data []byte) error {
	if len(s.out) == 0 {
		return nil
	}
	s.watchdog.Reset(s.options.WriteTimeout)
	n, err := s.writePieces(data)
	s.watchdog.Stop()
	s.moved.Add(int64(n))
	s.out = s.out[:0]
	if err != nil {
		s.fail(err)
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.lost() // with the first reason
	}
	return nil
}

func (s *Session) writePieces(data []byte) (int, error) {
	if w, ok := s.conn.(piecesWriter); ok && len(data) > 0 {
		return w.WritePieces(s.out, data)
	}
	s.out = append(s.out, data...)
	return s.conn.Write(s.out)
}

// notify has the control frames that there are written soon.
func (s *Session) notify() {
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// writeControl writes control frames, unless they go with data before. The goroutine that reads never writes: two
// ends that each wait for the other to read would wait forever.
func (s *Session) writeControl() {
	for {
		select {
		case <-s.news:
		case <-s.done:
			return
		}
		if s.takeTurn(nil, nil) != nil {
			return
		}
		s.mu.Lock()
		s.gather()
		s.mu.Unlock()
		err := s.flush(nil)
		s.endTurn()
		if err != nil {
			return
		}
	}
}

// gather moves all control frames to out. The caller has the turn, and holds the lock. There are never more than a
// few for each stream, since later ones add to those that wait.
func (s *Session) gather() {
	if s.pong != nil {
		s.out = appendPing(s.out, kindPong, *s.pong)
		s.pong = nil
	}
	if s.ping != nil && !s.ping.sent {
		s.ping.sent, s.ping.at = true, time.Now()
		s.out = appendPing(s.out, kindPing, s.ping.number)
	}
	for _, r := range s.refusals {
		s.out = appendFrame(s.out, kindReset, r.stream, []byte(r.reason))
	}
	s.refusals = s.refusals[:0]
	for i, stream := range s.queue {
		s.out = stream.control(s.out)
		s.queue[i] = nil
	}
	s.queue = s.queue[:0]
}
