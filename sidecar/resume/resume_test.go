package resume

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// join connects two ends by a pipe, as the near one's caller would.
func join(t *testing.T, near, far *End, stranger bool) (cut func()) {
	t.Helper()
	a, b := net.Pipe()
	turn, p := far.Claim(stranger, near.Position().Received)
	served := make(chan error, 2)
	go func() { served <- far.Serve(context.Background(), turn, b) }()
	mine, err := near.Join(p)
	if err != nil {
		t.Fatal(err)
	}
	go func() { served <- near.Serve(context.Background(), mine, a) }()
	return func() {
		a.Close()
		b.Close()
		<-served
		<-served
	}
}

func number(i int) Message {
	return Message{Kind: 1, Data: binary.BigEndian.AppendUint64(make([]byte, 0, 108), uint64(i))[:108]}
}

// Whatever happens to connections, both sides hear everything once, in its order.
func TestNothingIsLostOrRepeated(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	const messages = 3000
	near, far := New(Options{Window: 4 << 10}), New(Options{Window: 4 << 10})
	done := make(chan error, 4)
	for _, e := range []*End{near, far} {
		go func() {
			for i := range messages {
				if err := e.Send(ctx, number(i)); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
		go func() {
			for i := range messages {
				m, err := e.Receive(ctx)
				if err == nil && !bytes.Equal(m.Data, number(i).Data) {
					err = errors.New("a message out of its order")
				}
				if err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for left, cuts := 4, 0; left > 0; cuts++ {
		cut := join(t, near, far, false)
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			left--
		// Later and later, so that a slow machine gets on, too.
		case <-time.After(time.Duration(rand.IntN(3000+10*cuts)) * time.Microsecond):
		}
		cut()
	}
}

// limit limits every wait: far more than it takes, also on a busy machine under the race detector.
const limit = 5 * time.Minute

func receive(t *testing.T, e *End, n int) (kinds []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for range n {
		m, err := e.Receive(ctx)
		if err != nil {
			t.Fatalf("%v after %v", err, kinds)
		}
		kinds = append(kinds, m.Kind)
	}
	return kinds
}

// While no one is there, the oldest is forgotten; a stranger gets what is kept, and what comes then.
func TestStrangersGetTheLast(t *testing.T) {
	t.Parallel()
	size := Message{}.size()
	far := New(Options{Window: 100 * size, Keep: 3 * size, Lossy: true})
	for i := range 250 {
		if err := far.Send(t.Context(), Message{Kind: byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range [][]byte{{247, 248, 249, 250}, {248, 249, 250, 251}} {
		near := New(Options{Window: 1 << 10})
		cut := join(t, near, far, true)
		if err := far.Send(t.Context(), Message{Kind: want[3]}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, receive(t, near, 4)); diff != "" {
			t.Error(diff)
		}
		if err := near.Send(t.Context(), Message{Kind: 7}); err != nil {
			t.Fatal(err)
		}
		receive(t, far, 1)
		cut()
	}
}

// One who comes back after much was forgotten hears what is left, and nothing waits for what was lost.
func TestGapAfterALongAbsence(t *testing.T) {
	t.Parallel()
	size := Message{}.size()
	far := New(Options{Window: 10 * size, Keep: 2 * size, Lossy: true})
	near := New(Options{Window: 1 << 10})
	join(t, near, far, false)()
	for i := range 100 {
		if err := far.Send(t.Context(), Message{Kind: byte(i + 1)}); err != nil {
			t.Fatal(err)
		}
	}
	defer join(t, near, far, false)()
	if diff := cmp.Diff([]byte{99, 100}, receive(t, near, 2)); diff != "" {
		t.Error(diff)
	}
	for range 30 { // more than the window
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		if err := far.Send(ctx, Message{Kind: 5}); err != nil {
			t.Fatal(err)
		}
		cancel()
		receive(t, near, 1)
	}
}

// A message that is urgent overtakes those that wait; an end waits until the other deals with what came; and a later
// caller is alone.
func TestUrgentWindowAndTakeover(t *testing.T) {
	t.Parallel()
	urgent := make(chan byte, 1)
	far := New(Options{Window: 1 << 10, Urgent: func(m Message) bool {
		if m.Kind == 9 {
			urgent <- m.Kind
		}
		return m.Kind == 9
	}})
	near := New(Options{Window: 5 * Message{}.size()})
	cut := join(t, near, far, false)
	for range 5 {
		if err := near.Send(t.Context(), Message{Kind: 1}); err != nil {
			t.Fatal(err)
		}
	}
	full, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := near.Send(full, Message{Kind: 1}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a full window: %v", err)
	}
	receive(t, far, 5)
	if err := near.Send(t.Context(), Message{Kind: 1}); err != nil {
		t.Fatal(err)
	}
	if err := near.Send(t.Context(), Message{Kind: 9}); err != nil {
		t.Fatal(err)
	}
	<-urgent
	later := New(Options{Window: 1 << 10})
	cutLater := join(t, later, far, true)
	cut() // has ended by itself
	if err := later.Send(t.Context(), Message{Kind: 2}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]byte{1, 2}, receive(t, far, 2)); diff != "" {
		t.Error(diff)
	}
	if err := far.Send(t.Context(), Message{Kind: 3}); err != nil {
		t.Fatal(err)
	}
	receive(t, later, 1)
	later.Over()
	if err := far.Settled(t.Context()); err != nil {
		t.Error(err)
	}
	cutLater()
	if err := later.Send(t.Context(), Message{}); !errors.Is(err, ErrOver) {
		t.Errorf("after the end: %v", err)
	}
}
