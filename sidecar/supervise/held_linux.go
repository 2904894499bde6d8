package supervise

import (
	"context"
	"net"
	"strconv"
	"time"

	"github.com/nhctl/nhctl/sidecar/delve"
)

// Limits of a program that delve holds: how long one stands that no client lets go, how often delve is asked, and how
// long it may take to answer.
const (
	holdLimit = 5 * time.Second // the default of Options.HoldLimit
	holdPause = 20 * time.Millisecond
	holdAsk   = 2 * time.Second
)

// hold watches over a program that delve holds, until it goes on or is over. Where no client lets it go on in time, or
// none is left that would, it does that itself.
func (c *command) hold(ctx context.Context, over <-chan struct{}, port int, limit time.Duration) {
	defer c.goesOn(over)
	var d *heldProgram
	defer func() { d.close() }()
	tick := time.NewTicker(holdPause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-over:
			return
		case <-tick.C:
		}
		if d == nil {
			d = dialHeld(port) // it takes a moment until delve listens
			continue
		}
		started, err := d.started()
		switch {
		case started:
			return
		case err != nil:
			d.close()
			d = nil
		case c.debugging.Load() == 0 || time.Since(d.since) > limit:
			if err := d.Continue(); err == nil {
				c.remark("no client of the debugger has come for the program: it goes on without breakpoints")
				return
			}
			d = nil
		}
	}
}

// goesOn notes that the program is held no longer, unless another has taken its place.
func (c *command) goesOn(over <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended == over {
		c.status.Held = false
	}
}

// heldProgram is a connection to the delve that holds a program.
type heldProgram struct {
	*delve.Client
	conn  net.Conn
	since time.Time
}

// dialHeld is nil while delve does not listen.
func dialHeld(port int) *heldProgram {
	conn, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), holdAsk)
	if err != nil {
		return nil
	}
	return &heldProgram{Client: delve.New(conn), conn: conn, since: time.Now()}
}

func (h *heldProgram) started() (bool, error) {
	if err := h.conn.SetDeadline(time.Now().Add(holdAsk)); err != nil {
		return false, err
	}
	return h.Started()
}

func (h *heldProgram) close() {
	if h != nil {
		h.conn.Close()
	}
}
