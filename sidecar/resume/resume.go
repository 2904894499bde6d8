// Package resume carries a conversation over connections that come and go: what the one lost, the next repeats, and
// nothing comes twice. Both ends are of the same kind. It knows nothing of what the messages mean, nor of how
// connections are made.
package resume

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Message is what is said at once. A kind of 0 is the conversation's own.
type Message struct {
	Kind byte
	Data []byte
}

// overhead is what a kept message costs besides its data, in bytes.
const overhead = 32

func (m Message) size() int { return len(m.Data) + overhead }

// Options are an end's settings.
type Options struct {
	// Window is how many bytes may be on their way before Send waits for the far end to deal with them. It is the same
	// for both ends: one that says more is not heard.
	Window int
	// Keep is how many bytes are kept of what the far end has, for one who joins later.
	Keep int
	// Lossy says that while no one is there, Send forgets the oldest instead of waiting.
	Lossy bool
	// Urgent is called with each message as it comes; those for which it returns true overtake the others, and Receive
	// never has them. It must not wait, nor call the end.
	Urgent func(Message) bool
}

// Position says where an end stands, by numbers of messages.
type Position struct {
	Received uint64 `json:"received"` // how many came
	Next     uint64 `json:"next"`     // which will be sent next
}

// ErrOver says that the conversation was ended.
var ErrOver = errors.New("the conversation is over")

// End is one end of a conversation.
type End struct {
	options Options

	mu     sync.Mutex
	change chan struct{} // closed and replaced at each change
	over   bool

	out       []Message
	first     uint64 // number of out[0]
	kept      int    // bytes of out
	delivered uint64 // the far end has those before it
	sent      uint64 // those before it went over this turn's connection, or were there before
	debt      int    // bytes that were sent, and the far end has not dealt with
	credited  uint64 // bytes that it said it has dealt with

	in       []Message
	held     int // bytes of in
	received uint64
	handled  uint64 // bytes that Receive gave out, since the far end began
	reported uint64 // of those, what the far end knows
	heard    int    // bytes that came since the last report

	turn    int  // counts connections
	present bool // someone is there, or about to be
}

// New returns an end without a connection.
func New(o Options) *End { return &End{options: o, change: make(chan struct{})} }

func (e *End) changed() {
	close(e.change)
	e.change = make(chan struct{})
}

// wait calls ready until it returns true, with the lock held; it returns with the lock held, too.
func (e *End) wait(ctx context.Context, ready func() bool) error {
	for !ready() {
		if e.over {
			return ErrOver
		}
		change := e.change
		e.mu.Unlock()
		select {
		case <-ctx.Done():
			e.mu.Lock()
			return ctx.Err()
		case <-change:
		}
		e.mu.Lock()
	}
	return nil
}

// Send says something. It waits while the far end has enough to do. The data must not be changed afterwards.
func (e *End) Send(ctx context.Context, m Message) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.wait(ctx, e.mayGrow); err != nil {
		return err
	}
	if e.over {
		return ErrOver
	}
	e.out = append(e.out, m)
	e.kept += m.size()
	e.debt += m.size()
	e.forget()
	e.changed()
	return nil
}

// mayGrow says whether there is room for another message: in the window, and for what the far end says it dealt with,
// but not that it has.
func (e *End) mayGrow() bool {
	o := e.options
	return e.debt < o.Window && e.kept < o.Window+o.Keep || o.Lossy && !e.present
}

// forget lets go of what no one will ask for.
func (e *End) forget() {
	drop := 0
	for drop < len(e.out) && e.kept > e.options.Keep {
		size := e.out[drop].size()
		if e.first >= e.delivered {
			if e.present || !e.options.Lossy {
				break
			}
			e.debt -= size
		}
		e.kept -= size
		e.out[drop] = Message{} // let the data go before the slice does
		e.first++
		drop++
	}
	e.out = e.out[drop:]
}

// Receive returns the far end's next message.
func (e *End) Receive(ctx context.Context) (Message, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.wait(ctx, func() bool { return len(e.in) > 0 }); err != nil {
		return Message{}, err
	}
	m := e.in[0]
	e.in[0] = Message{}
	e.in = e.in[1:]
	e.held -= m.size()
	e.handled += uint64(m.size())
	if e.reportDue() {
		e.changed()
	}
	return m, nil
}

// Settled returns once the far end has all that was sent.
func (e *End) Settled(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.wait(ctx, func() bool { return e.delivered == e.first+uint64(len(e.out)) })
}

// Over ends the conversation. What is to be sent or reported still goes, if someone is there; then the connection is
// closed.
func (e *End) Over() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.over {
		e.over = true
		e.changed()
	}
}

// Position says where this end stands.
func (e *End) Position() Position {
	e.mu.Lock()
	defer e.mu.Unlock()
	return Position{Received: e.received, Next: e.first + uint64(len(e.out))}
}

// Claim makes room for a connection of someone who has received so many of our messages, and says where the two meet.
// A stranger has none, and gets all that is kept. Whoever was there is gone; nothing is forgotten from now on that the
// claimant lacks.
func (e *End) Claim(stranger bool, received uint64) (turn int, p Position) {
	e.mu.Lock()
	defer e.mu.Unlock()
	next := min(max(received, e.first), e.first+uint64(len(e.out)))
	if stranger {
		next = e.first
		e.credited, e.handled, e.reported, e.debt = 0, 0, 0, e.kept
	}
	e.delivered = next
	return e.begin(), Position{Received: e.received, Next: next}
}

// Join is Claim by the side that dials: the far end has said where the two meet. One who is new begins with it. The
// error is that the far end can't be there.
func (e *End) Join(far Position) (turn int, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if most := uint64(maxMessages); far.Received > most || far.Next > most || e.turn > 0 &&
		far.Received > e.first+uint64(len(e.out)) {
		return 0, fmt.Errorf("%w: it has %d messages, and sends the %d. next", ErrViolation, far.Received, far.Next)
	}
	if e.turn == 0 {
		e.first = far.Received
	}
	e.received = max(e.received, far.Next)
	e.delivered = max(e.delivered, far.Received)
	e.forget()
	return e.begin(), nil
}

// maxMessages is more than are ever sent, so that counting never overflows.
const maxMessages = 1 << 60

func (e *End) begin() int {
	e.turn++
	e.present = true
	e.sent = e.delivered
	e.heard = e.options.Window // the last report may have been lost
	e.changed()
	return e.turn
}

// Left says whether no one came after a turn that has ended.
func (e *End) Left(turn int) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.turn == turn && !e.present
}

// Leave ends a turn.
func (e *End) Leave(turn int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.turn == turn {
		e.present = false
		e.forget()
		e.changed()
	}
}

// Serve carries messages over the connection of a turn until it breaks, is taken over by the next, or all is over. It
// closes it.
func (e *End) Serve(ctx context.Context, turn int, conn io.ReadWriteCloser) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	closed := make(chan struct{})
	context.AfterFunc(ctx, func() { conn.Close(); close(closed) })
	read := make(chan error, 1)
	go func() {
		read <- e.read(turn, conn)
		cancel()
	}()
	err := e.write(ctx, turn, conn)
	cancel()
	<-closed
	if readErr := <-read; errors.Is(err, context.Canceled) || errors.Is(readErr, ErrViolation) {
		err = readErr
	}
	e.Leave(turn)
	return err
}
