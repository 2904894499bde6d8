package resume

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// On a connection, each message is its kind, its length (4 bytes, big endian) and its data. A message of kind 0 is a report: how many
// messages came, and how many bytes of them were dealt with (8 bytes each).
const (
	headerSize = 5
	reportSize = 16
	maxData    = 1 << 20
)

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
			buffer = append(buffer, m.Kind)
			buffer = binary.BigEndian.AppendUint32(buffer, uint32(len(m.Data)))
			buffer = append(buffer, m.Data...)
			next++
		}
		if e.handled != e.reported || e.heard > 0 {
			buffer = append(buffer, 0)
			buffer = binary.BigEndian.AppendUint32(buffer, reportSize)
			buffer = binary.BigEndian.AppendUint64(buffer, e.received)
			buffer = binary.BigEndian.AppendUint64(buffer, e.handled)
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
		var header [headerSize]byte
		if _, err := io.ReadFull(buffered, header[:]); err != nil {
			return err
		}
		n := binary.BigEndian.Uint32(header[1:])
		if n > maxData {
			return fmt.Errorf("message of %d bytes: the limit is %d", n, maxData)
		}
		m := Message{Kind: header[0], Data: make([]byte, n)}
		if _, err := io.ReadFull(buffered, m.Data); err != nil {
			return err
		}
		if err := e.take(turn, m); err != nil {
			return err
		}
	}
}

func (e *End) take(turn int, m Message) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.turn != turn {
		return errTaken
	}
	defer e.changed()
	if m.Kind == 0 {
		if len(m.Data) != reportSize {
			return fmt.Errorf("report of %d bytes", len(m.Data))
		}
		handled := binary.BigEndian.Uint64(m.Data[8:])
		e.debt = max(0, e.debt-int(handled-e.credited))
		e.credited = handled
		e.delivered = max(e.delivered, min(binary.BigEndian.Uint64(m.Data), e.first+uint64(len(e.out))))
		e.forget()
		return nil
	}
	e.received++
	e.heard += m.size()
	if e.options.Urgent != nil && e.options.Urgent(m) {
		e.handled += uint64(m.size())
		return nil
	}
	e.in = append(e.in, m)
	return nil
}
