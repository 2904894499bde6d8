package gatewayclient

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/nhctl/nhctl/sidecar/agent/request"
	"github.com/nhctl/nhctl/sidecar/route"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// closeLimit is how long the front has to say that a rule is gone.
const closeLimit = 2 * time.Second

// Registration is a rule that a front has, for as long as it is open.
type Registration struct {
	stream net.Conn
	over   chan struct{}
}

// Register has a front lead to this computer what a rule matches. The streams for that come on the same carrier.
func (c Client) Register(ctx context.Context, rule route.Rule) (*Registration, error) {
	kind := wire.KindRoute
	if rule.Mirror {
		kind = wire.KindMirror
	}
	stream, err := c.Open(ctx, kind, rule)
	if err != nil {
		return nil, explain("the front", err)
	}
	r := &Registration{stream: stream, over: make(chan struct{})}
	go func() {
		defer close(r.over)
		_, _ = stream.Read(make([]byte, 1)) // it says nothing
	}()
	return r, nil
}

// Originals tells the front which originals are ready, by its ports.
func (r *Registration) Originals(known map[int][]netip.AddrPort) error {
	for port, all := range known {
		known[port] = all[:min(len(all), route.MaxOriginals)]
	}
	return request.WriteOriginals(r.stream, known)
}

// Over is closed once the registration is over, by whichever end.
func (r *Registration) Over() <-chan struct{} { return r.over }

// Close takes the rule back, and returns once the front has none.
func (r *Registration) Close() error {
	err := wire.CloseWrite(r.stream)
	_ = r.stream.SetReadDeadline(time.Now().Add(closeLimit))
	<-r.over
	return errors.Join(err, r.stream.Close())
}

// Break ends the registration as a lost carrier does: the front keeps the rule for a while.
func (r *Registration) Break() {
	wire.Reset(r.stream, "this computer goes away")
	<-r.over
}

// Routes asks a front how its rules are, and how long that takes.
func (c Client) Routes(ctx context.Context) (answer request.Routes, took time.Duration, err error) {
	begin := time.Now()
	stream, err := c.Open(ctx, wire.KindRoutes, nil)
	if err != nil {
		return answer, 0, explain("the front", err)
	}
	defer stream.Close()
	stop := context.AfterFunc(ctx, func() { _ = stream.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	answer, err = request.ReadRoutes(stream)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return answer, time.Since(begin), err
}
