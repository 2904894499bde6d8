package lsp

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/baseprotocol"
	"github.com/nhctl/nhctl/nhctl/internal/lsp/protocol"
)

// maxMessage is how long a message of a client may be, in bytes.
const maxMessage = 64 << 20

// frames are messages with a head that says how long they are. jrpc2 has such a channel, too; it takes a message's
// memory for any length that the head names, and ends for heads that older clients send.
type frames struct {
	ctx context.Context
	in  *baseprotocol.Reader
	out io.Writer
	// shutdown and exit say that the client has sent these.
	shutdown, exit bool
	// unanswered counts the client's requests; answered tells of an answer.
	unanswered atomic.Int64
	answered   chan struct{}
	once       sync.Once
	// read brings what was read; a client that sends nothing must not keep the server from ending.
	read chan frame
}

type frame struct {
	message []byte
	err     error
}

func newFrames(ctx context.Context, in io.Reader, out io.Writer) *frames {
	return &frames{ctx: ctx, in: baseprotocol.NewReader(in, maxMessage), out: out, read: make(chan frame),
		answered: make(chan struct{}, 1)}
}

// Recv returns the next message; the end of the client's messages, and that of ctx, are io.EOF.
func (f *frames) Recv() ([]byte, error) {
	if f.exit {
		f.finish()
		return nil, io.EOF
	}
	f.once.Do(func() { go f.pump() })
	select {
	case <-f.ctx.Done():
		return nil, io.EOF
	case next := <-f.read:
		if next.err != nil {
			f.finish()
			return nil, next.err
		}
		h := headOf(next.message)
		f.shutdown, f.exit = f.shutdown || h.Method == protocol.MethodShutdown, h.Method == protocol.MethodExit
		if h.Method != "" && h.Method != protocol.MethodCancel {
			f.finish() // one after the other
		}
		if h.request() {
			f.unanswered.Add(1)
		}
		return next.message, nil
	}
}

// patience is how long a message, and the end of all, waits for the answers to those before it: jrpc2 keeps no order
// among requests, and drops what it has not begun at the end.
const patience = time.Second

// finish waits until the client has its answers.
func (f *frames) finish() {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for f.unanswered.Load() > 0 {
		select {
		case <-f.ctx.Done():
			return
		case <-limit.C:
			return
		case <-f.answered:
		}
	}
}

// head is what a message begins with.
type head struct {
	ID     json.RawMessage
	Method string
}

func headOf(message []byte) head {
	var h head
	_ = json.Unmarshal(message, &h) // what is no message has none
	return h
}

// request says whether a message wants an answer, response whether it is one. An answer to what is no message has no
// id.
func (h head) request() bool  { return h.Method != "" && h.named() }
func (h head) response() bool { return h.Method == "" && h.named() }

// named says whether a message has an id, which is a number or a text.
func (h head) named() bool { return len(h.ID) > 0 && strings.IndexByte(`"-0123456789`, h.ID[0]) >= 0 }

// pump reads messages until the client has gone, or one is not understood, or ctx ends. Where that does not end a read
// of standard input, the end of the process does.
func (f *frames) pump() {
	for {
		message, err := f.in.Next()
		select {
		case f.read <- frame{message, err}:
		case <-f.ctx.Done():
			return
		}
		if err != nil || headOf(message).Method == protocol.MethodExit {
			return
		}
	}
}

// Send writes a message.
func (f *frames) Send(message []byte) error {
	_, err := f.out.Write(baseprotocol.Frame(message))
	if headOf(message).response() {
		f.unanswered.Add(-1)
		select {
		case f.answered <- struct{}{}:
		default:
		}
	}
	return err
}

// Close is called when the server ends.
func (*frames) Close() error { return nil }
