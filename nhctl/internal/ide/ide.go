// Package ide is the bridge between an editor and the daemon: JSON-RPC on standard streams, with the headers of the
// Language Server Protocol. It passes calls on as they are, so that it knows no method of the daemon but those of
// subscriptions, and it outlives daemons. It knows nothing of what calls do.
package ide

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/baseprotocol"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/client"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
)

// Options are what the bridge has of the one who started it.
type Options struct {
	Dirs userdirs.Dirs
	// Caller has the folder and kubectl's flags of calls that name none.
	Caller rpc.Caller
	// Env is what a call in a folder brings of an environment; nil means that of the bridge.
	Env func(env map[string]string, dir string) map[string]string
	// Stderr gets what is of use for whoever repairs nhctl.
	Stderr io.Writer
	// Connect reaches the daemon, which is started when there is none.
	Connect func(context.Context, client.Notified) (*client.Client, error)
}

const (
	// lastWords is how long calls have to end, and the editor to read their answers, once its input has ended.
	lastWords = time.Second
	// mostBytes is how long a message of an editor may be.
	mostBytes = 16 << 20
	// mostCalls is how many calls may be at work, subscriptions included.
	mostCalls = 256
)

// gcPercent makes the collector keep the process small: it lasts, and most of what passes through it is garbage soon.
const gcPercent = 50

// bridge serves one editor.
type bridge struct {
	Options
	out *output
	// life ends with the bridge.
	life context.Context
	// connecting is held by the one who connects, so that a daemon that is missing is started once.
	connecting chan struct{}

	running sync.WaitGroup
	mu      sync.Mutex
	calls   map[string]*call // by their ids
}

// Serve answers an editor until its input ends, or ctx does. Its calls and subscriptions end with it, and the sessions
// stay. It does not wait for a read of the input that is under way.
func Serve(ctx context.Context, in io.Reader, out io.Writer, o Options) error {
	debug.SetGCPercent(gcPercent)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	b := &bridge{
		Options:    o,
		out:        newOutput(out, cancel),
		life:       ctx,
		connecting: make(chan struct{}, 1),
		calls:      map[string]*call{},
	}
	err := b.listen(ctx, in)
	cancel()
	ended := make(chan struct{})
	go func() { defer close(ended); b.running.Wait() }()
	limit, stop := context.WithTimeout(context.Background(), lastWords)
	defer stop()
	select {
	case <-ended:
	case <-limit.Done():
	}
	b.out.close() // for whatever waits for the editor
	<-ended
	select {
	case <-b.out.ended:
	case <-limit.Done():
	}
	return err
}

// input is the next message of the editor, or why there is none.
type input struct {
	data []byte
	err  error
}

// listen answers messages until there are no more.
func (b *bridge) listen(ctx context.Context, in io.Reader) error {
	next := make(chan input)
	go func() {
		reader := baseprotocol.NewReader(in, mostBytes)
		for {
			data, err := reader.Next()
			if err != nil { // it may be an answer that no one reads, which holds up the next message
				defer time.AfterFunc(lastWords, b.out.close).Stop()
			}
			select {
			case next <- input{data, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case i := <-next:
			switch {
			case errors.Is(i.err, io.EOF):
				return nil
			case i.err != nil:
				_ = b.out.send(message{ID: []byte(none), Error: &rpc.MessageError{
					Code:    codeParse,
					Message: i.err.Error(),
				}})
				return problem.New(problem.Usage, "standard input is no JSON-RPC with headers: %w", i.err).
					WithHint("`nhctl ide` is for editors; commands and scripts use `nhctl dev` with -o json")
			case !b.handle(ctx, i.data):
				return nil
			}
		}
	}
}

// handle handles a message, and returns whether others may follow.
func (b *bridge) handle(ctx context.Context, data []byte) bool {
	m, wrong := parse(data)
	switch {
	case wrong != nil:
		if m.ID == nil {
			m.ID = []byte(none)
		}
		return b.out.send(message{ID: m.ID, Error: wrong}) == nil
	case m.answers():
		return true
	case m.ID == nil:
		return b.notified(m)
	}
	c := &call{bridge: b, id: string(m.ID), method: m.Method, ended: make(chan struct{})}
	ctx, c.cancel = context.WithCancel(ctx)
	if wrong := b.begin(c); wrong != nil {
		c.cancel()
		return b.out.send(message{ID: m.ID, Error: wrong}) == nil
	}
	b.running.Go(func() {
		result, err := c.guarded(ctx, m.Params)
		answer := message{ID: m.ID, Result: result}
		if err != nil {
			answer = message{ID: m.ID, Error: wireError(err, c.cancelled.Load())}
		}
		b.end(c)
		_ = b.out.send(answer)
		c.cancel()
		close(c.ended)
	})
	return true
}

// notified handles a notification of the editor; those of other protocols mean nothing here.
func (b *bridge) notified(m message) bool {
	switch m.Method {
	case rpc.MethodExit:
		return false
	case rpc.MethodCancelRequest:
		var p rpc.CancelRequest
		if json.Unmarshal(m.Params, &p) == nil && p.ID.RawMessage != nil {
			b.cancel(string(p.ID.RawMessage))
		}
	case rpc.MethodCancel:
		var p rpc.Cancel
		if len(m.Params) == 0 || json.Unmarshal(m.Params, &p) == nil {
			b.cancel(p.ID)
		}
	}
	return true
}

// begin adds a call, unless there is one with its id, or there are too many.
func (b *bridge) begin(c *call) *rpc.MessageError {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.calls[c.id] != nil:
		return &rpc.MessageError{Code: codeInvalid, Message: "a call with the id " + c.id + " is at work"}
	case len(b.calls) >= mostCalls:
		return &rpc.MessageError{Code: codeInvalid, Message: fmt.Sprintf("%d calls are at work", len(b.calls))}
	}
	b.calls[c.id] = c
	return nil
}

// end lets an id be used again.
func (b *bridge) end(c *call) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.calls, c.id)
}

// cancel cancels the call with an id, or all others than calls to cancel, and returns them.
func (b *bridge) cancel(id string) (meant []*call) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for known, c := range b.calls {
		if known == id || id == "" && c.method != rpc.MethodCancel {
			c.cancelled.Store(true)
			c.cancel()
			meant = append(meant, c)
		}
	}
	return meant
}

// call calls a method of the daemon. When the bridge ends, its connections do: the daemon undoes what they began, and
// no one waits for that here.
func (b *bridge) call(
	ctx context.Context, method string, params, result any, notified client.Notified,
) error {
	daemon, err := b.connect(ctx, notified)
	if err != nil {
		return err
	}
	defer daemon.Close()
	defer context.AfterFunc(b.life, daemon.Close)()
	return daemon.Call(ctx, method, params, result)
}

// connect reaches the daemon.
func (b *bridge) connect(ctx context.Context, notified client.Notified) (*client.Client, error) {
	select {
	case b.connecting <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-b.connecting }()
	return b.Connect(ctx, notified)
}

// guarded makes a panic of a call the problem of that call alone.
func (c *call) guarded(ctx context.Context, params json.RawMessage) (result json.RawMessage, err error) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(c.bridge.Stderr, "panic in %s: %v\n%s", c.method, r, debug.Stack())
			err = problem.New(problem.Internal, "nhctl failed in %s: %v", c.method, r).
				WithHint("standard error of `nhctl ide` has more")
		}
	}()
	return c.do(ctx, params)
}

// wireError is an error as the editor gets it: what the daemon has answered as it is.
func wireError(err error, cancelled bool) *rpc.MessageError {
	p := problem.From(err)
	wire := &rpc.MessageError{Code: rpc.ErrorCode, Message: p.Message}
	switch {
	case cancelled && p.Code == problem.Interrupted: // any other problem is news
		wire.Code = rpc.RequestCancelled
	case errors.Is(err, client.ErrNoMethod):
		wire.Code = codeNoMethod
	}
	var answered *client.Answered
	if errors.As(err, &answered) {
		wire.Data = answered.Data
	} else {
		wire.Data, _ = json.Marshal(p) // of texts alone
	}
	return wire
}
