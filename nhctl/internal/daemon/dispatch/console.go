package dispatch

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// A connection whose first line calls a console's method is that console's from the answer on: it is joined to a stream
// of the session, and dispatch understands nothing of the conversation. Caller and program go on after a break by
// themselves.

// Console is a program that a caller is attached to.
type Console struct {
	// Answer is the call's result.
	Answer any
	Stream net.Conn
	// HangUp ends the program once its caller has left; nil where the program goes on without one.
	HangUp func(context.Context)
}

// Consoles open or find a console, by the name of the method.
type Consoles map[string]func(ctx context.Context, params json.RawMessage) (*Console, error)

// firstLine reads the first line of a connection.
func firstLine(ctx context.Context, conn net.Conn) ([]byte, *bufio.Reader) {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	reader := bufio.NewReader(conn)
	line, _ := reader.ReadBytes('\n')
	return line, reader
}

// console says whether a connection is to be a console's, by its first line.
func (s *Server) console(line []byte) (rpc.Message, func(context.Context, json.RawMessage) (*Console, error)) {
	var m rpc.Message
	if json.Unmarshal(line, &m) != nil {
		return m, nil
	}
	return m, s.Consoles[m.Method]
}

// attach serves a console's connection until either side has gone.
func (s *Server) attach(
	parent context.Context, conn wire.Peeked, call rpc.Message,
	open func(context.Context, json.RawMessage) (*Console, error),
) {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	streams := make(chan net.Conn, 1)
	var up sync.WaitGroup
	var gone, over atomic.Bool // the caller, and not the carrier; all of it
	up.Go(func() {
		defer cancel()
		// A caller says nothing before the answer; one who leaves in the meantime waits no longer.
		if _, err := conn.Reader.Peek(1); err == nil {
			if stream, ok := <-streams; !ok || !drained(stream, conn) {
				return
			}
		}
		if !over.Load() { // afterwards the connection is closed here
			gone.Store(true)
		}
	})
	opened, err := s.guarded(call.Method, func() (any, error) { return open(ctx, call.Params) })
	console, _ := opened.(*Console)
	if err == nil {
		err = answer(conn, call.ID, console.Answer, nil)
		stop := context.AfterFunc(ctx, func() { console.Stream.Close() })
		defer stop()
	} else {
		err = errors.Join(err, answer(conn, call.ID, nil, err))
	}
	if err == nil {
		streams <- console.Stream
		if !drained(conn, console.Stream) {
			gone.Store(true)
		}
	}
	over.Store(true)
	close(streams)
	conn.Close()
	up.Wait()
	if gone.Load() && parent.Err() == nil && console != nil && console.HangUp != nil {
		console.HangUp(ctx)
	}
}

// drained copies until either side has ended, and returns whether that was the one that is read.
func drained(to io.Writer, from io.Reader) bool {
	noted := &noting{Reader: from}
	_, _ = io.Copy(to, noted)
	return noted.err != nil
}

// noting remembers the error of its reader.
type noting struct {
	io.Reader
	err error
}

func (n *noting) Read(p []byte) (int, error) {
	count, err := n.Reader.Read(p)
	n.err = err
	return count, err
}

func answer(w io.Writer, id int, result any, failure error) error {
	m := rpc.Message{Version: "2.0", ID: id}
	var err error
	if failure != nil {
		p := problem.From(failure)
		m.Error = &rpc.MessageError{Code: rpc.ErrorCode, Message: p.Message}
		m.Error.Data, err = json.Marshal(p)
	} else {
		m.Result, err = json.Marshal(result)
	}
	if err != nil {
		return err
	}
	line, err := json.Marshal(m)
	if err == nil {
		_, err = w.Write(append(line, '\n'))
	}
	return err
}
