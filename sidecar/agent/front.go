package agent

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/nhctl/nhctl/sidecar/agent/request"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/route"
	"github.com/nhctl/nhctl/sidecar/wire"
)

const (
	// arrivals is how long no client has to come until a front that ends takes it that none does any more.
	arrivals = 2 * time.Second
	// settle is how long it then leaves connections open that wait for a request.
	settle = 5 * time.Second
	// quietLook is how often it looks whether all are done.
	quietLook = 100 * time.Millisecond
)

// front serves a Service's ports.
type front struct {
	ports  []contract.Intercepted
	table  *route.Table
	server *route.Server
	logger *slog.Logger

	arrivals, settle time.Duration
	// onLoopback says that pods have addresses of the loopback, as in tests.
	onLoopback bool

	mu      sync.Mutex
	sources int // streams that tell which originals are ready
}

func newFront(config contract.Agent, logger *slog.Logger) *front {
	fallback := map[int]string{}
	for _, p := range config.Intercepted {
		fallback[p.Port] = p.Original
	}
	table := &route.Table{Grace: contract.RouteGrace * time.Second}
	return &front{
		ports:    config.Intercepted,
		table:    table,
		logger:   logger,
		arrivals: arrivals,
		settle:   settle,
		server: &route.Server{
			Table:     table,
			Originals: &route.Originals{Fallback: fallback, Sticky: config.Sticky},
			Logger:    logger,
		},
	}
}

// serve serves the ports until ctx ends. What it returns waits for that.
func (f *front) serve(ctx context.Context, host string) (served func(), err error) {
	var listeners []net.Listener
	for _, p := range f.ports {
		listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(p.Port)))
		if err != nil {
			for _, l := range listeners {
				l.Close()
			}
			return nil, fmt.Errorf("listen for the Service's clients: %w", err)
		}
		listeners = append(listeners, listener)
	}
	var serving sync.WaitGroup
	for i, listener := range listeners {
		serving.Go(func() {
			if err := f.server.Serve(ctx, listener, route.Protocol(f.ports[i].Protocol)); err != nil {
				f.logger.Error("serve the Service's clients", "port", f.ports[i].Port, "error", err)
			}
		})
	}
	return serving.Wait, nil
}

func (f *front) handlers() wire.Handlers {
	return wire.Handlers{
		wire.KindRoute:  f.route,
		wire.KindMirror: f.route,
		wire.KindRoutes: f.routes,
	}
}

// route registers a rule. It goes at once when its computer ends the stream, and after a while when that breaks.
func (f *front) route(_ context.Context, in *wire.Incoming) error {
	rule, err := request.Parse[route.Rule](in.Params)
	if err != nil {
		return &wire.Refusal{Code: request.Invalid, Reason: err.Error()}
	}
	dial := func(ctx context.Context, port int) (net.Conn, error) {
		return in.Carrier.Open(ctx, wire.KindIntercept, request.Intercept{Route: rule.ID, Port: port})
	}
	if rule.Pod {
		if dial, err = f.toPod(rule.Address); err != nil {
			return &wire.Refusal{Code: request.Invalid, Reason: err.Error()}
		}
	}
	away, err := f.table.Set(rule, dial)
	if err != nil {
		return err
	}
	defer away()
	stream, err := in.Accept()
	if err != nil {
		return err
	}
	f.server.Resume()
	f.source(1)
	defer f.source(-1)
	f.logger.Info("route", "id", rule.ID, "ports", rule.Ports, "conditions", len(rule.Matches))
	reader := bufio.NewReader(stream)
	for {
		known, err := request.ReadOriginals(reader)
		switch {
		case errors.Is(err, io.EOF):
			f.table.Remove(rule.ID)
			f.logger.Info("route ends", "id", rule.ID)
			return nil
		case err != nil:
			f.logger.Info("the computer of a route is away", "id", rule.ID, "error", err)
			return err
		}
		f.originals(known)
	}
}

// toPod connects to a developer's pod. The front's own loopback has none, whatever a computer says, but the carriers'
// port.
func (f *front) toPod(address string) (route.Dial, error) {
	if a, err := netip.ParseAddr(address); err == nil && a.Unmap().IsLoopback() && !f.onLoopback {
		return nil, fmt.Errorf("%s is this pod's own address", address)
	}
	return func(ctx context.Context, port int) (net.Conn, error) {
		if address == "" {
			return nil, &wire.Refusal{Code: request.NotReady, Reason: "the developer's pod is not ready"}
		}
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(address, strconv.Itoa(port)))
		if err != nil {
			return nil, refusal(err)
		}
		return conn, nil
	}, nil
}

// source counts the streams that tell of originals. What they have told is old once there are none.
func (f *front) source(change int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sources += change; f.sources == 0 {
		f.server.Originals.Stale()
	}
}

func (f *front) originals(known request.Originals) {
	all := map[int][]string{}
	for port, addresses := range known {
		for _, a := range addresses {
			all[port] = append(all[port], a.String())
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sources > 0 {
		f.server.Originals.Set(all)
	}
}

// routes tells how all rules are.
func (f *front) routes(_ context.Context, in *wire.Incoming) error {
	return answer(in, request.Routes{Open: f.server.Open(), Routes: f.table.Report()})
}

// drain serves on for the clients that still come here, until none has come for a while: no slice has the front then.
// It asks those that are here to go, and returns once they are done, or when that takes too long.
func (f *front) drain(ctx context.Context) {
	f.awaitArrivals(ctx)
	ctx, cancel := context.WithTimeout(ctx, contract.DrainLimit*time.Second)
	defer cancel()
	f.server.Drain(ctx, f.settle)
	tick := time.NewTicker(quietLook)
	defer tick.Stop()
	for f.server.Open() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// awaitArrivals returns once no client has come for a while, or when that takes too long.
func (f *front) awaitArrivals(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, contract.ArrivalLimit*time.Second)
	defer cancel()
	for last := int64(-1); last != f.server.Arrived(); {
		last = f.server.Arrived()
		select {
		case <-ctx.Done():
			return
		case <-time.After(f.arrivals):
		}
	}
}

// Ready says whether the agent of this pod listens. A connection to a Service's port would be a client of its
// originals, so the carriers' port is asked, which it serves last.
func Ready(ctx context.Context, c contract.Agent) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(c.Port)))
	if err != nil {
		return err
	}
	return conn.Close()
}
