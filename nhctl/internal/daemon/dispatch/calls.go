package dispatch

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/creachadair/jrpc2"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// calls are those of one connection that run.
type calls struct {
	running sync.WaitGroup
	mu      sync.Mutex
	byID    map[string]*runningCall
}

type runningCall struct {
	cancel context.CancelFunc
	ended  chan struct{} // closed once everything that it began is undone
}

// begin adds a call, and returns its context and what ends it.
func (c *calls) begin(ctx context.Context, id string) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	call := &runningCall{cancel: cancel, ended: make(chan struct{})}
	c.running.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID == nil {
		c.byID = map[string]*runningCall{}
	}
	c.byID[id] = call
	return ctx, func() {
		c.mu.Lock()
		if c.byID[id] == call {
			delete(c.byID, id)
		}
		c.mu.Unlock()
		cancel()
		close(call.ended)
		c.running.Done()
	}
}

// cancel cancels the call with an id, or all, and returns once they are undone, or ctx has ended. One that has ended
// already is undone.
func (c *calls) cancel(ctx context.Context, id string) {
	c.mu.Lock()
	var meant []*runningCall
	for known, call := range c.byID {
		if id == "" || known == id {
			meant = append(meant, call)
		}
	}
	c.mu.Unlock()
	for _, call := range meant {
		call.cancel()
	}
	for _, call := range meant {
		select {
		case <-call.ended:
		case <-ctx.Done():
			return
		}
	}
}

// cancelMethod handles rpc.MethodCancel. As a notification it does not wait: the calls that follow would.
func (c *client) cancelMethod(ctx context.Context, request *jrpc2.Request) (any, error) {
	var p rpc.Cancel
	if request.HasParams() {
		if err := request.UnmarshalParams(&p); err != nil {
			return nil, err
		}
	}
	if request.IsNotification() {
		ended, cancel := context.WithCancel(ctx)
		cancel()
		ctx = ended
	}
	c.calls.cancel(ctx, p.ID)
	return json.RawMessage(`{}`), nil
}
