package resume

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nhctl/nhctl/sidecar/frame"
)

// report is what a far end says that it has, true or not.
func report(received, handled uint64) []byte {
	data := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, received), handled)
	return frame.Append(nil, 0, data)
}

// A far end that goes over the window is not heard, so that it can't fill the memory of one that does not receive.
func TestWindowIsEnforced(t *testing.T) {
	t.Parallel()
	const window = 256 << 10
	near := New(Options{Window: window})
	a, b := net.Pipe()
	turn, err := near.Join(Position{})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- near.Serve(t.Context(), turn, a) }()
	go func() { _, _ = io.Copy(io.Discard, b) }()
	message := frame.Append(nil, 1, make([]byte, maxData))
	for err == nil {
		_, err = b.Write(message)
	}
	if err := <-served; !errors.Is(err, ErrViolation) {
		t.Errorf("got %v, want ErrViolation", err)
	}
	if near.held > 2*window+maxData+overhead {
		t.Errorf("%d bytes are held, with a window of %d", near.held, window)
	}
}

// Reports of what can't be are refused.
func TestReportsAreChecked(t *testing.T) {
	t.Parallel()
	size := uint64(Message{Data: []byte("a")}.size())
	for name, tt := range map[string]struct {
		says  []byte
		wrong bool
	}{
		"nothing came":               {says: report(0, 0)},
		"the first came":             {says: report(1, 0)},
		"both, and were dealt with":  {says: report(2, 2*size)},
		"the same again":             {says: append(report(1, size), report(1, size)...)},
		"more than were sent":        {says: report(3, 0), wrong: true},
		"as many as can be":          {says: report(1<<64-1, 0), wrong: true},
		"less dealt with than ever":  {says: append(report(1, size), report(1, 0)...), wrong: true},
		"more dealt with than there": {says: report(2, 1<<63)},
		"a short report":             {says: frame.Append(nil, 0, []byte("short")), wrong: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				near := New(Options{Window: 1 << 10})
				for range 2 {
					if err := near.Send(t.Context(), Message{Kind: 1, Data: []byte("a")}); err != nil {
						t.Fatal(err)
					}
				}
				a, b := net.Pipe()
				turn, err := near.Join(Position{})
				if err != nil {
					t.Fatal(err)
				}
				served := make(chan error, 1)
				go func() { served <- near.Serve(t.Context(), turn, a) }()
				go func() { _, _ = io.Copy(io.Discard, b) }()
				synctest.Wait() // both were sent
				_, _ = b.Write(tt.says)
				synctest.Wait()
				b.Close()
				if err := <-served; errors.Is(err, ErrViolation) != tt.wrong {
					t.Errorf("got %v, want a violation: %v", err, tt.wrong)
				}
				if near.debt < 0 {
					t.Errorf("the far end has a credit of %d bytes", -near.debt)
				}
			})
		})
	}
}

// A report of messages that wait while the connection takes nothing does not make the writer look for what is gone.
func TestReportOfWhatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		near := New(Options{Window: 1 << 10})
		turn, err := near.Join(Position{})
		if err != nil {
			t.Fatal(err)
		}
		send := func() {
			if err := near.Send(t.Context(), Message{Kind: 1, Data: []byte("a")}); err != nil {
				t.Fatal(err)
			}
		}
		send()
		a, b := net.Pipe()
		served := make(chan error, 1)
		go func() { served <- near.Serve(t.Context(), turn, a) }()
		synctest.Wait() // the writer waits for the pipe
		send()
		_, _ = b.Write(report(2, 0))
		synctest.Wait()
		b.Close()
		if err := <-served; !errors.Is(err, ErrViolation) {
			t.Errorf("got %v, want ErrViolation", err)
		}
	})
}

// A far end that deals with messages, but does not say that it has them, makes Send wait.
func TestUnreportedMessagesAreBounded(t *testing.T) {
	t.Parallel()
	near := New(Options{Window: 1 << 10})
	if _, err := near.Join(Position{}); err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		near.debt = 0 // as such a far end has it
		if !near.mayGrow() {
			return
		}
		if err := near.Send(t.Context(), Message{Kind: 1, Data: make([]byte, 100)}); err != nil {
			t.Fatal(err)
		}
	}
	t.Errorf("%d bytes are kept, with a window of %d", near.kept, near.options.Window)
}

func TestJoinRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		first, second Position
		wrong         bool
	}{
		"a new one":             {second: Position{}},
		"where it was":          {first: Position{Received: 5, Next: 7}, second: Position{Received: 6, Next: 7}},
		"more than was sent":    {first: Position{Received: 5}, second: Position{Received: 7}, wrong: true},
		"far too many received": {first: Position{Received: 1 << 63}, wrong: true},
		"far too many sent":     {first: Position{Next: 1<<64 - 1}, wrong: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			near := New(Options{Window: 1 << 10})
			_, err := near.Join(tt.first)
			if err == nil {
				err = near.Send(t.Context(), Message{Kind: 1})
			}
			if err == nil {
				_, err = near.Join(tt.second)
			}
			if errors.Is(err, ErrViolation) != tt.wrong {
				t.Errorf("got %v, want a violation: %v", err, tt.wrong)
			}
		})
	}
}

// heard is a connection on which the far end has said all it has to say.
type heard struct{ io.Reader }

func (heard) Write(p []byte) (int, error) { return len(p), nil }
func (heard) Close() error                { return nil }

func FuzzServe(f *testing.F) {
	f.Add(frame.Append(nil, 1, []byte("a")), uint64(0), uint64(0))
	f.Add(report(0, 0), uint64(1), uint64(1<<63))
	f.Add(report(2, 66), uint64(0), uint64(0))
	f.Fuzz(func(t *testing.T, says []byte, received, next uint64) {
		for _, lossy := range []bool{false, true} {
			e := New(Options{Window: 1 << 10, Keep: 100, Lossy: lossy})
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
			say := func() { _ = e.Send(ctx, Message{Kind: 1, Data: []byte("hello")}) }
			say()
			if turn, err := e.Join(Position{Received: received, Next: next}); err == nil {
				say()
				_ = e.Serve(ctx, turn, heard{bytes.NewReader(says)})
			}
			say()
			if turn, err := e.Join(Position{Received: next, Next: received}); err == nil {
				_ = e.Serve(ctx, turn, heard{bytes.NewReader(says)})
			}
			turn, _ := e.Claim(lossy, received)
			_ = e.Serve(ctx, turn, heard{bytes.NewReader(says)})
			if e.held > 2*e.options.Window+maxData+overhead || e.debt < 0 {
				t.Errorf("%d bytes are held, %d owed", e.held, e.debt)
			}
			cancel()
		}
	})
}
