// Package client is how commands reach the daemon of their user: it dials it, starts one where there is none, and makes
// calls. It links nothing of the server.
package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/creachadair/jrpc2"
	"github.com/creachadair/jrpc2/channel"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/private"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
)

// Client is a connection to the daemon.
type Client struct {
	rpc     *jrpc2.Client
	conn    net.Conn
	updates *atomic.Pointer[func(rpc.Update)]
	// sending is held while a call is sent; sent gets its id.
	sending sync.Mutex
	sent    *atomic.Pointer[chan string]
}

// Notified is told each notification of the daemon as it is, in their order, and before the answer that follows them.
// As long as it does not return, nothing more is read.
type Notified func(method string, params json.RawMessage)

// Over speaks with a daemon over a connection.
func Over(conn net.Conn, notified Notified) *Client {
	lines := ordered{
		Channel:  channel.Line(conn, conn),
		notified: notified,
		sent:     &atomic.Pointer[chan string]{},
	}
	return &Client{rpc: jrpc2.NewClient(lines, nil), conn: conn, sent: lines.sent}
}

// newClient speaks with the daemon over a connection, and understands its events and updates.
func newClient(conn net.Conn, onEvent func(event.Event)) *Client {
	updates := &atomic.Pointer[func(rpc.Update)]{}
	c := Over(conn, func(method string, params json.RawMessage) {
		switch method {
		case rpc.MethodEvent:
			handle(onEvent, params)
		case rpc.MethodUpdate:
			if f := updates.Load(); f != nil {
				handle(*f, params)
			}
		}
	})
	c.updates = updates
	return c
}

func dial(dirs userdirs.Dirs, over func(net.Conn) *Client) (*Client, error) {
	conn, err := dialSocket(dirs)
	if err != nil {
		return nil, err
	}
	return over(conn), nil
}

// dialSocket reaches the daemon of this very user.
func dialSocket(dirs userdirs.Dirs) (net.Conn, error) {
	conn, err := net.DialTimeout("unix", dirs.Socket, 2*time.Second)
	if err != nil {
		return nil, err
	}
	if err := private.Peer(conn); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// ordered handles notifications as they are received: jrpc2 hands each message to a goroutine of its own, and so would
// mix up log lines, and let an answer overtake the events before it.
type ordered struct {
	channel.Channel
	notified Notified
	sent     *atomic.Pointer[chan string]
}

// Send tells the id of a call that is sent: jrpc2 draws it, and does not tell before the answer.
func (c ordered) Send(data []byte) error {
	var call struct {
		ID json.RawMessage `json:"id"`
	}
	if json.Unmarshal(data, &call) == nil && call.ID != nil {
		if sent := c.sent.Swap(nil); sent != nil {
			*sent <- string(call.ID)
		}
	}
	return c.Channel.Send(data)
}

// Recv returns the next message that is no notification.
func (c ordered) Recv() ([]byte, error) {
	for {
		data, err := c.Channel.Recv()
		if err != nil {
			return nil, err
		}
		var notification struct {
			Method string          `json:"method"`
			Params json.RawMessage `json:"params"`
		}
		if json.Unmarshal(data, &notification) != nil {
			return data, nil
		}
		if notification.Method == "" {
			return data, nil
		}
		c.notified(notification.Method, notification.Params)
	}
}

// handle drops what can't be read: it is no event or update of this protocol.
func handle[T any](f func(T), params json.RawMessage) {
	var v T
	if json.Unmarshal(params, &v) == nil {
		f(v)
	}
}

// Stop stops the daemon and returns when it is gone. Sessions stay as they are in the cluster.
func (c *Client) Stop(ctx context.Context, dirs userdirs.Dirs) error {
	if err := c.Call(ctx, rpc.MethodDaemonStop, nil, nil); err != nil {
		return err
	}
	c.Close()
	return stopped(ctx, dirs)
}

// undoLimit limits how long a cancelled call is waited for: longer than the daemon gives its undo.
const undoLimit = 2 * time.Minute

// answer is what a call ended with.
type answer struct {
	response *jrpc2.Response
	err      error
}

// Call calls a method. When ctx ends, the daemon is asked to cancel this call alone, and the call returns once
// everything that it began is undone.
func (c *Client) Call(ctx context.Context, method string, params, result any) error {
	id, answered := c.send(ctx, method, params)
	var a answer
	select {
	case a = <-answered:
	case <-ctx.Done():
		var err error
		if a, err = c.cancel(id, answered); err != nil {
			return err
		}
	}
	if a.err != nil {
		return c.explain(ctx, a.err)
	}
	if result == nil {
		return nil
	}
	return a.response.UnmarshalResult(result)
}

// send sends a call, and returns its id, which is empty where it was not sent. The answer comes at the latest when the
// connection ends.
func (c *Client) send(ctx context.Context, method string, params any) (id string, answered chan answer) {
	sent, answered := make(chan string, 1), make(chan answer, 1)
	c.sending.Lock()
	defer c.sending.Unlock()
	c.sent.Store(&sent)
	defer c.sent.Store(nil)
	failed := make(chan struct{})
	go func() {
		defer close(failed)
		response, err := c.rpc.Call(context.WithoutCancel(ctx), method, params)
		answered <- answer{response, err}
	}()
	select {
	case id = <-sent:
	case <-failed: // before it was sent
	}
	return id, answered
}

// cancel cancels a call, and waits for its answer, which comes after its undo.
func (c *Client) cancel(id string, answered <-chan answer) (answer, error) {
	limit, cancel := context.WithTimeout(context.Background(), undoLimit)
	defer cancel()
	if id != "" {
		_ = c.rpc.Notify(limit, rpc.MethodCancel, rpc.Cancel{ID: id})
	}
	select {
	case a := <-answered:
		return a, nil
	case <-limit.Done():
		return answer{}, problem.New(problem.Interrupted,
			"interrupted; the daemon has not undone it within %s", undoLimit).
			WithHint("it may be at it still: `nhctl dev list` shows what there is")
	}
}

// ErrNoMethod says that the daemon does not know a method.
var ErrNoMethod = errors.New("the daemon does not know that call")

// ErrLost says that the daemon has gone in the middle of a call.
var ErrLost = errors.New("the daemon was lost")

// Answered is a problem that the daemon has answered with.
type Answered struct {
	Problem *problem.Error
	// Data is the problem as the daemon has it: one of a later build may know more of it.
	Data json.RawMessage
}

func (a *Answered) Error() string { return a.Problem.Error() }

// Unwrap returns the problem.
func (a *Answered) Unwrap() error { return a.Problem }

func (c *Client) explain(ctx context.Context, err error) error {
	var answered *jrpc2.Error
	if errors.As(err, &answered) && answered.Code == jrpc2.MethodNotFound {
		return fmt.Errorf("%w: %w", ErrNoMethod, err)
	}
	if errors.As(err, &answered) && len(answered.Data) > 0 {
		return &Answered{problemOf(answered.Data, answered.Message), answered.Data}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return problem.New(problem.Internal, "%w: %w", ErrLost, err).
		WithHint("run the command again: a new daemon goes on where the old one was")
}

// problemOf is the problem that came with an error; its text alone makes one, too.
func problemOf(data []byte, text string) *problem.Error {
	p := &problem.Error{}
	if json.Unmarshal(data, p) == nil && p.Message != "" {
		return p
	}
	return problem.New(problem.Internal, "%s", text)
}

// Close ends the connection, whatever is being sent.
func (c *Client) Close() {
	_ = c.conn.Close()
	_ = c.rpc.Close()
}
