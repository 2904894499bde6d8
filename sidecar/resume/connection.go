package resume

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/nhctl/nhctl/sidecar/frame"
)

// On a connection, each message is a frame of its kind. One of kind 0 is a report: how many messages came, and how many
// bytes of them were dealt with (8 bytes each).
const (
	reportSize = 16
	maxData    = 1 << 20
)

// ErrViolation says that the far end breaks the rules: it says more than the window allows, or reports what it was
// never sent. It is no use to go on with it.
var ErrViolation = errors.New("the far end breaks the rules of the conversation")

// errTaken says that another connection took this one's place.
var errTaken = errors.New("another connection took over")

// chunk is about how much is written at once.
const chunk = 64 << 10

// reportDue says whether the far end should hear of what was dealt with, or can let go of what came.
func (e *End) reportDue() bool {
	due := e.options.Window / 8
	if e.over {
		due = 1
	}
	return e.handled-e.reported >= uint64(due) || e.heard >= due
}

// write sends what there is to send, and reports when one is due or on the way anyway.
func (e *End) write(ctx context.Context, turn int, w io.Writer) error {
	next, buffer := uint64(0), []byte(nil)
	for first := true; ; first = false {
		e.mu.Lock()
		if first {
			next = e.delivered
		}
		next = max(next, e.first) // what was let go, the far end has
		err := e.wait(ctx, func() bool { return e.turn != turn || next < e.first+uint64(len(e.out)) || e.reportDue() })
		if err == nil && e.turn != turn {
			err = errTaken
		}
		if err != nil {
			e.mu.Unlock()
			return err
		}
		buffer = buffer[:0]
		for next < e.first+uint64(len(e.out)) && len(buffer) < chunk {
			m := e.out[next-e.first]
			buffer = frame.Append(buffer, m.Kind, m.Data)
			next++
		}
		if e.turn == turn {
			e.sent = max(e.sent, next)
		}
		if e.handled != e.reported || e.heard > 0 {
			report := binary.BigEndian.AppendUint64(make([]byte, 0, reportSize), e.received)
			buffer = frame.Append(buffer, 0, binary.BigEndian.AppendUint64(report, e.handled))
			e.reported, e.heard = e.handled, 0
		}
		e.mu.Unlock()
		if _, err := w.Write(buffer); err != nil {
			return err
		}
	}
}

// read takes what comes.
func (e *End) read(turn int, r io.Reader) error {
	buffered := bufio.NewReaderSize(r, chunk)
	for {
		kind, data, err := frame.Read(buffered, maxData)
		if err != nil {
			return err
		}
		if err := e.receive(turn, Message{Kind: kind, Data: data}); err != nil {
			return err
		}
	}
}

func (e *End) receive(turn int, m Message) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.turn != turn {
		return errTaken
	}
	defer e.changed()
	if m.Kind == 0 {
		return e.heed(m.Data)
	}
	if e.held >= 2*e.options.Window { // an end that was away says what it kept on top of what is waiting here
		return fmt.Errorf("%w: %d bytes wait, and the window is %d", ErrViolation, e.held, e.options.Window)
	}
	e.received++
	e.heard += m.size()
	if e.options.Urgent != nil && e.options.Urgent(m) {
		e.handled += uint64(m.size())
		return nil
	}
	e.in = append(e.in, m)
	e.held += m.size()
	return nil
}

// heed takes a report.
func (e *End) heed(data []byte) error {
	if len(data) != reportSize {
		return fmt.Errorf("%w: a report of %d bytes", ErrViolation, len(data))
	}
	received, handled := binary.BigEndian.Uint64(data), binary.BigEndian.Uint64(data[8:])
	if received > e.sent || handled < e.credited {
		return fmt.Errorf("%w: it reports %d messages of %d, and %d bytes after %d", ErrViolation, received, e.sent,
			handled, e.credited)
	}
	e.debt -= int(min(handled-e.credited, uint64(e.debt))) // it may have got what was forgotten here
	e.credited = handled
	e.delivered = max(e.delivered, received)
	e.forget()
	return nil
}
