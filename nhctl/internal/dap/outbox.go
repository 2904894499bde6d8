package dap

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/baseprotocol"
)

// Limits of what waits for the client to read it. Output beyond its limit is left out, and said to be; a client that
// does not read its answers either has hung.
const (
	outputLimit  = 1 << 20
	waitingLimit = 64 << 20
)

// errHung says that the client does not read.
var errHung = errors.New("the client does not read what it is sent")

// outbox sends messages to the client, in their order, without ever blocking who sends.
type outbox struct {
	// failed gets the error that ended it, if one does.
	failed chan error

	to   io.Writer
	done chan struct{}

	mu      sync.Mutex
	changed *sync.Cond
	queue   []letter
	seq     int
	waiting int // bytes
	output  int // bytes of output among them
	left    int // bytes of output that were left out since the last that was not
	closed  bool
}

// letter is a message that waits, with the size of the output that it is.
type letter struct {
	data   []byte
	output int
}

func newOutbox(to io.Writer) *outbox {
	o := &outbox{failed: make(chan error, 1), to: to, done: make(chan struct{})}
	o.changed = sync.NewCond(&o.mu)
	go o.write()
	return o
}

// response sends an answer.
func (o *outbox) response(r response) {
	r.Type = "response"
	o.send(func(seq int) any { r.Seq = seq; return r }, 0)
}

// notice sends an event.
func (o *outbox) notice(event string, body any) {
	o.send(func(seq int) any { return notice{Seq: seq, Type: "event", Event: event, Body: body} }, 0)
}

// category is where the client shows a text.
type category string

// The categories.
const (
	console   category = "console"
	important category = "important"
	stdout    category = "stdout"
	stderr    category = "stderr"
)

// outputBody is the body of an output event.
type outputBody struct {
	Category category `json:"category"`
	Output   string   `json:"output"`
}

// text sends output, as long as the client keeps up.
func (o *outbox) text(c category, text string) {
	body := outputBody{c, text}
	o.send(func(seq int) any { return notice{Seq: seq, Type: "event", Event: "output", Body: body} }, len(text))
}

// raw sends an output event of the debugger's likewise.
func (o *outbox) raw(body json.RawMessage) {
	o.send(func(seq int) any { return notice{Seq: seq, Type: "event", Event: "output", Body: body} }, len(body))
}

func (o *outbox) send(message func(seq int) any, output int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	if output > 0 {
		if o.output > 0 && o.output+output > outputLimit {
			o.left += output
			return
		}
		o.tellLeft()
	}
	o.put(message, output)
}

// tellLeft says how much was left out, where something was.
func (o *outbox) tellLeft() {
	if o.left == 0 {
		return
	}
	text := fmt.Sprintf("nhctl: %d bytes of output were left out here, which came faster than the editor took them; "+
		"`nhctl dev logs` has more\n", o.left)
	o.left = 0
	o.put(func(seq int) any {
		return notice{Seq: seq, Type: "event", Event: "output", Body: outputBody{console, text}}
	}, len(text))
}

func (o *outbox) put(message func(seq int) any, output int) {
	data, err := json.Marshal(message(o.seq + 1))
	if err != nil { // a body that was read, and is no JSON after all
		return
	}
	o.seq++
	data = baseprotocol.Frame(data)
	if o.waiting += len(data); o.waiting > waitingLimit {
		o.end(errHung)
		return
	}
	o.output += output
	o.queue = append(o.queue, letter{data, output})
	o.changed.Broadcast()
}

// end takes no more, for an error.
func (o *outbox) end(err error) {
	o.closed, o.queue = true, nil
	select {
	case o.failed <- err:
	default:
	}
	o.changed.Broadcast()
}

func (o *outbox) write() {
	defer close(o.done)
	for {
		next, ok := o.take()
		if !ok {
			return
		}
		if _, err := o.to.Write(next.data); err != nil {
			o.mu.Lock()
			o.end(fmt.Errorf("write to the client: %w", err))
			o.mu.Unlock()
			return
		}
		o.sent(next)
	}
}

// take is the next message to write, once there is one; none is there after the last one of a closed outbox.
func (o *outbox) take() (letter, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.queue) == 0 && !o.closed {
		o.changed.Wait()
	}
	if len(o.queue) == 0 {
		return letter{}, false
	}
	next := o.queue[0]
	o.queue = o.queue[1:]
	return next, true
}

func (o *outbox) sent(l letter) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiting -= len(l.data)
	if o.output -= l.output; o.output == 0 {
		o.tellLeft()
	}
}

// close takes no more, and waits until the client has read what it was sent; it may take as long as the limit says.
func (o *outbox) close(limit time.Duration) {
	o.mu.Lock()
	o.closed = true
	o.changed.Broadcast()
	o.mu.Unlock()
	select {
	case <-o.done:
	case <-time.After(limit): // it has gone, or does not read
	}
}
