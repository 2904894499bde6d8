// Package dispatch speaks JSON-RPC with the daemon's clients: connections, calls and their events, and connections that
// become consoles. Which methods there are is in tables that the kinds of sessions fill; it knows nothing of what they
// do.
package dispatch

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/creachadair/jrpc2"
	"github.com/creachadair/jrpc2/channel"
	"github.com/creachadair/jrpc2/handler"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// Method answers the calls of one name. Its events go to event.Sink of the context.
type Method func(ctx context.Context, params json.RawMessage) (any, error)

// Methods are methods by their names.
type Methods map[string]Method

// Call makes a method of a function with typed parameters.
func Call[P, R any](do func(context.Context, P) (R, error)) Method {
	return func(ctx context.Context, params json.RawMessage) (any, error) {
		var p P
		if len(params) > 0 {
			if err := json.Unmarshal(params, &p); err != nil {
				return nil, problem.New(problem.Usage, "the parameters can't be read: %w", err)
			}
		}
		return do(ctx, p)
	}
}

// Server serves connections.
type Server struct {
	Methods  Methods
	Consoles Consoles
	Logger   *slog.Logger
	// Log is the file that Logger writes, for people.
	Log string
	// Lasting are the methods whose calls last until their client ends them: nothing is at work in them.
	Lasting map[string]bool

	working atomic.Int64
}

// Working is how many calls are at work, without those that only last.
func (s *Server) Working() int { return int(s.working.Load()) }

// lastWords is how long a daemon that ends waits for its clients to have read their answers.
const lastWords = time.Second

// mostCalls is how many calls of one client are at work at once, subscriptions included; further ones wait.
const mostCalls = 256

// client is one connection.
type client struct {
	server *Server
	calls  calls
}

// Serve answers one client until it has gone, or ctx ends.
func (s *Server) Serve(ctx context.Context, socket net.Conn) {
	defer socket.Close()
	conn := &impatient{Conn: socket}
	// A client that goes away cancels its calls; they undo what they had begun.
	calls, cancel := context.WithCancel(ctx)
	defer cancel()
	line, rest := firstLine(ctx, conn)
	if call, open := s.console(line); open != nil {
		s.attach(calls, wire.Peeked{Conn: conn, Reader: rest}, call, open)
		return
	}
	c := &client{server: s}
	options := &jrpc2.ServerOptions{
		AllowPush:   true,
		Concurrency: mostCalls,
		NewContext:  func() context.Context { return calls },
	}
	server := jrpc2.NewServer(c.handlers(), options)
	server.Start(channel.Line(io.MultiReader(bytes.NewReader(line), rest), conn))
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		conn.hurry()
		c.calls.running.Wait()
		select { // a client that got its answer closes the connection
		case <-ended:
		case <-time.After(lastWords):
			// Not server.Stop, after which one more message of the client is a panic of jrpc2.
			conn.Close()
		}
	})
	defer stop()
	_ = server.Wait()
	close(ended)
	cancel()
	c.calls.running.Wait()
}

func (c *client) handlers() handler.Map {
	all := handler.Map{rpc.MethodCancel: c.cancelMethod}
	for name, method := range c.server.Methods {
		all[name] = c.handler(method)
	}
	return all
}

// handler makes a handler of a method: its errors become problems, and a panic ends the call, not the daemon.
func (c *client) handler(method Method) jrpc2.Handler {
	return func(ctx context.Context, request *jrpc2.Request) (result any, err error) {
		ctx, end := c.calls.begin(ctx, request.ID())
		defer end()
		if !c.server.Lasting[request.Method()] {
			c.server.working.Add(1)
			defer c.server.working.Add(-1)
		}
		var params json.RawMessage
		if request.HasParams() {
			if err := request.UnmarshalParams(&params); err != nil {
				return nil, wireError(problem.New(problem.Usage, "parameters of %s: %w", request.Method(), err))
			}
		}
		result, err = c.server.guarded(request.Method(), func() (any, error) {
			return method(withUpdates(withEvents(ctx, request.ID()), request.ID()), params)
		})
		if err != nil {
			return nil, wireError(problem.From(err))
		}
		return result, nil
	}
}

// guarded runs what a client asked for: a panic is the problem of that call alone.
func (s *Server) guarded(method string, do func() (any, error)) (result any, err error) {
	defer func() {
		if r := recover(); r != nil {
			s.Logger.Error("panic", "method", method, "panic", r, "stack", string(debug.Stack()))
			err = problem.New(problem.Internal, "the daemon failed in %s: %v", method, r).
				WithHint("its log has more: %s", s.Log)
		}
	}()
	return do()
}

// withEvents lets a call's events be pushed to its client, with the id of the call. A client that is gone misses them.
func withEvents(ctx context.Context, id string) context.Context {
	server := jrpc2.ServerFromContext(ctx)
	push := context.WithoutCancel(ctx)
	return event.WithSink(ctx, func(e event.Event) {
		e.V, e.Time = event.Version, time.Now()
		_ = server.Notify(push, rpc.MethodEvent, rpc.Event{Event: e, Call: id})
	})
}

func wireError(p *problem.Error) error {
	return (&jrpc2.Error{Code: rpc.ErrorCode, Message: p.Message}).WithData(p)
}
