package daemon

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/supervise"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// A connection whose first line is a call of rpc.MethodAttach is a console's from the answer on: the daemon joins it to a stream of the
// carrier, and understands nothing of what is said. Caller and supervisor go on after a break by themselves.

// message is a line of JSON-RPC.
type message struct {
	Version string          `json:"jsonrpc"`
	ID      int             `json:"id"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *messageError   `json:"error,omitempty"`
}

type messageError struct {
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data,omitempty"`
}

// firstLine reads the first line of a connection.
func firstLine(ctx context.Context, conn net.Conn) ([]byte, *bufio.Reader) {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	reader := bufio.NewReader(conn)
	line, _ := reader.ReadBytes('\n')
	return line, reader
}

// attaches says whether a connection is to be a console's.
func attaches(line []byte) (message, bool) {
	var m message
	err := json.Unmarshal(line, &m)
	return m, err == nil && m.Method == rpc.MethodAttach
}

// attach serves a console's connection until either side has gone.
func (d *Daemon) attach(parent context.Context, conn wire.Peeked, call message) {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	streams := make(chan net.Conn, 1)
	var up sync.WaitGroup
	var gone, over atomic.Bool // the caller, and not the carrier; all of it
	up.Go(func() {
		defer cancel()
		// A caller says nothing before the answer; one who leaves meanwhile waits no longer.
		if _, err := conn.Reader.Peek(1); err != nil {
			gone.Store(!over.Load())
			return
		}
		if stream, ok := <-streams; ok && drained(stream, conn) {
			gone.Store(!over.Load())
		}
	})
	s, stream, console, err := d.console(ctx, call.Params)
	if err == nil {
		err = answer(conn, call.ID, console, nil)
		stop := context.AfterFunc(ctx, func() { stream.Close() })
		defer stop()
	} else {
		err = errors.Join(err, answer(conn, call.ID, nil, err))
	}
	if err == nil {
		streams <- stream
		if !drained(conn, stream) {
			gone.Store(true)
		}
	}
	over.Store(true)
	close(streams)
	conn.Close()
	up.Wait()
	if gone.Load() && parent.Err() == nil && console != nil && !console.keep {
		s.hangUp(ctx, console.ID)
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
	m := message{Version: "2.0", ID: id}
	var err error
	if failure != nil {
		p := problem.From(failure)
		m.Error = &messageError{Code: callError, Message: p.Message}
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

// attachedConsole is a console that somebody is attached to.
type attachedConsole struct {
	supervise.Attached
	keep bool
}

// console opens or finds a console.
func (d *Daemon) console(ctx context.Context, params []byte) (*developed, net.Conn, *attachedConsole, error) {
	var p rpc.Attach
	if err := json.Unmarshal(params, &p); err != nil {
		return nil, nil, nil, problem.New(problem.Usage, "parameters of %s: %w", rpc.MethodAttach, err)
	}
	s, err := d.developed(ctx, p.Target)
	if err != nil {
		return nil, nil, nil, err
	}
	a := p.Console
	if a.Dir == "" {
		a.Dir = s.WorkDir
	}
	if a.Shell == "" {
		a.Shell = s.Shell
	}
	if p.Synced && !a.Resume {
		limited, cancel := context.WithTimeout(ctx, arrivalLimit)
		err := converge(limited, s.synced())
		cancel()
		if err != nil {
			return s, nil, nil, fmt.Errorf("wait until what was saved is in the container: %w", err)
		}
	}
	limited, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	stream, attached, err := s.supervisor().Attach(limited, a)
	if err != nil {
		return s, nil, nil, explainConsole(a, s.Name, err)
	}
	return s, stream, &attachedConsole{attached, a.Keep}, nil
}

// exitNotFound is what shells return for a program that does not start.
const exitNotFound = 127

func explainConsole(a supervise.Attach, container string, err error) error {
	var refusal supervise.Refusal
	switch {
	case errors.Is(err, supervise.ErrTaken):
		return problem.New(problem.Refused, "the terminal was taken over by another one")
	case errors.Is(err, supervise.ErrNoConsole) && a.Resume:
		return problem.New(problem.NotFound, "what ran there was lost with its container").WithHint("the pod was replaced, or its container ended: nhctl dev status says more")
	case errors.Is(err, supervise.ErrNoConsole):
		return problem.New(problem.NotFound, "no terminal is open in container %s", container).WithHint("open one: nhctl dev terminal")
	case errors.As(err, &refusal):
		return problem.New(problem.Command, "%s", string(refusal)).WithExit(exitNotFound)
	}
	return fmt.Errorf("reach the container: %w", err)
}

// hangUp ends a command whose caller has left.
func (s *developed) hangUp(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callLimit)
	defer cancel()
	if err := s.supervisor().HangUp(ctx, id); err != nil {
		s.logger.Warn("end a command whose caller has left", "error", err)
	}
}
