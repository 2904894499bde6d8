package dap

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/baseprotocol"
	"github.com/nhctl/nhctl/nhctl/internal/debugger"
	"github.com/nhctl/nhctl/nhctl/internal/debugger/delve"
	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// link is one connection to the debugger.
type link struct {
	conn net.Conn
	send chan []byte
	seq  int
	// pending are the requests that it has not answered yet, by its numbers.
	pending map[int]pending
	// ids are the client's ids of breakpoints by the debugger's.
	ids ids
	// rebuilt says that the program is another one than that of the link before.
	rebuilt bool
	// ready says that the debugger takes breakpoints.
	ready bool
}

// pending is a request to the debugger; client is the number of the client's request that it carries, 0 for none.
type pending struct {
	client int
	done   func(message)
}

// Limits of a link: of requests without an answer, and of messages that the debugger has not read.
const (
	pendingLimit = 10_000
	unreadLimit  = 1_000
)

// dialLimit limits how long a debugger's port may take to answer.
const dialLimit = 5 * time.Second

func dial(ctx context.Context, d event.DebugData) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(d.Host, strconv.Itoa(d.Port)))
	if err != nil {
		return nil, fmt.Errorf("connect to the debugger: %w", err)
	}
	return conn, nil
}

// settleLimit limits how long a program that delve has begun may take to run. One that stands by then stands at
// something else.
const settleLimit = 5 * time.Second

// settle waits until a program runs that was started a moment ago: delve takes clients before it lets the program go,
// and a client that joins in between gets a stop without a stack.
func settle(ctx context.Context, d event.DebugData) {
	if d.Language != debugger.Go || d.Waits {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	conn, err := dial(ctx, d)
	if err != nil {
		return // the join fails likewise
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	delve.AwaitRunning(ctx, conn)
}

// connect makes a connection the link, and begins its conversation.
func (a *Adapter) connect(conn net.Conn, rebuilt bool) *link {
	l := &link{
		conn:    conn,
		send:    make(chan []byte, unreadLimit),
		pending: map[int]pending{},
		ids:     ids{},
		rebuilt: rebuilt,
	}
	a.link = l
	a.goes(func() { a.readDebugger(l) })
	a.goes(func() {
		for data := range l.send {
			if _, err := conn.Write(data); err != nil {
				conn.Close() // its reader tells
			}
		}
	})
	return l
}

func (a *Adapter) readDebugger(l *link) {
	r := baseprotocol.NewReader(l.conn, messageLimit)
	for {
		data, err := r.Next()
		if err != nil {
			a.post(func() { a.lost(l, fmt.Sprintf("its connection has ended: %v", err)) })
			return
		}
		if !a.post(func() { a.fromDebugger(l, data) }) {
			return
		}
	}
}

// ask sends a request to the debugger, and calls done with its answer; where the link ends before, with a failure.
func (a *Adapter) ask(l *link, command string, arguments any, client int, done func(message)) {
	if a.link != l {
		done(message{Command: command, Message: errAway})
		return
	}
	if len(l.pending) >= pendingLimit {
		done(message{Command: command, Message: "the debugger has too many requests to answer"})
		return
	}
	data, err := json.Marshal(request{Seq: l.seq + 1, Type: "request", Command: command, Arguments: arguments})
	if err != nil {
		done(message{Command: command, Message: fmt.Sprintf("the request can't be written: %v", err)})
		return
	}
	l.seq++
	l.pending[l.seq] = pending{client: client, done: done}
	select {
	case l.send <- baseprotocol.Frame(data):
	default:
		a.lost(l, "the debugger does not read what it is sent")
	}
}

// errAway is the answer to requests for a debugger while there is none.
const errAway = "the program is being started again: the debugger can't answer this any more"

// dropLink closes the connection to the debugger, and fails the requests that it has not answered.
func (a *Adapter) dropLink() {
	l := a.link
	if l == nil {
		return
	}
	a.link = nil
	l.conn.Close()
	close(l.send)
	for _, seq := range slices.Sorted(maps.Keys(l.pending)) {
		l.pending[seq].done(message{Message: errAway})
	}
}

// fromDebugger takes a message of the debugger. Those of a link that has ended say nothing of this program.
func (a *Adapter) fromDebugger(l *link, data []byte) {
	if a.link != l {
		return
	}
	var m message
	if err := json.Unmarshal(data, &m); err != nil {
		a.lost(l, fmt.Sprintf("it sent what is no JSON: %v", err))
		return
	}
	switch m.Type {
	case "response":
		if p, there := l.pending[m.RequestSeq]; there {
			delete(l.pending, m.RequestSeq)
			p.done(m)
		}
	case "event":
		a.told(l, m)
	case "request": // it would start processes on this computer
		data, _ := json.Marshal(response{
			Seq:        l.seq + 1,
			Type:       "response",
			RequestSeq: m.Seq,
			Command:    m.Command,
			Message:    "nhctl takes no requests of a debugger",
		})
		l.seq++
		select {
		case l.send <- baseprotocol.Frame(data):
		default:
			a.lost(l, "the debugger does not read what it is sent")
		}
	}
}
