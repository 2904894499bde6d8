// Package agent is the in-cluster end of a tunnel: it takes carriers on the pod's loopback, and connects to what their
// computers name, by the pod's own network and resolver. It ends by itself once no computer has come for a while. As a
// front it also serves a Service's ports on the pod's network, and leads what comes there by the rules that computers
// register; then it stays. It knows nothing of Kubernetes.
package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nhctl/nhctl/sidecar/agent/request"
	"github.com/nhctl/nhctl/sidecar/buildinfo"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/document"
	"github.com/nhctl/nhctl/sidecar/token"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// Limits of an agent's work.
const (
	// dialLimit limits an attempt to connect, resolveLimit a question to the resolver.
	dialLimit    = 15 * time.Second
	resolveLimit = 10 * time.Second
	// death is the silence after which a carrier is given up: its connections' far ends are to hear of it soon.
	death = 9 * time.Second
)

// Agent serves one session's computer.
type Agent struct {
	config   contract.Agent
	environ  []string
	root     string // is put before every path of the contract, and of files; empty outside of tests
	logger   *slog.Logger
	began    time.Time
	dialer   net.Dialer
	resolver resolver
	// linger is how long the agent stays without a carrier, idle a flow without a datagram.
	linger, idle time.Duration

	connections, flows atomic.Int64
	front              *front // nil for a gateway
	// restorer restores the front's Service; nil where the front has no permission for that.
	restorer Restorer
}

// resolver is the part of net.Resolver that an agent needs.
type resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// ReadConfig reads what an agent is told at its start.
func ReadConfig(text string) (c contract.Agent, err error) {
	known := document.Head{Kind: contract.AgentKind, Version: contract.AgentVersion}
	if err := document.Read([]byte(text), known, &c); err != nil {
		return c, fmt.Errorf("read %s: %w", contract.EnvConfig, err)
	}
	return c, nil
}

// New returns an agent, in a container with an environment.
func New(config contract.Agent, environ []string, root string, logger *slog.Logger) *Agent {
	a := &Agent{
		config:   config,
		environ:  environ,
		root:     root,
		logger:   logger,
		began:    time.Now(),
		dialer:   net.Dialer{Timeout: dialLimit},
		resolver: net.DefaultResolver,
		linger:   contract.AgentLinger * time.Second,
		idle:     flowIdle,
	}
	if len(config.Intercepted) > 0 {
		a.front = newFront(config, logger)
		if root != "" {
			a.front.arrivals, a.front.settle, a.front.onLoopback = 0, 0, true
		}
	}
	return a
}

// Serve takes carriers until ctx ends, or none has come for a while.
func (a *Agent) Serve(ctx context.Context) error {
	return a.serve(ctx, func() (net.Listener, error) {
		return net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(a.config.Port)))
	})
}

// ServeOn is Serve on a listener that stands already.
func (a *Agent) ServeOn(ctx context.Context, listener net.Listener) error {
	return a.serve(ctx, func() (net.Listener, error) { return listener, nil })
}

func (a *Agent) serve(ending context.Context, listen func() (net.Listener, error)) error {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ending))
	defer cancel()
	stop := context.AfterFunc(ending, func() {
		if a.front != nil {
			a.front.drain(ctx)
		}
		cancel()
	})
	defer stop()
	server := &wire.Server{Token: token.In(a.root), Options: wire.Options{
		Hello: wire.Hello{
			Build:        buildinfo.Version,
			Capabilities: []string{"dial", "flow", "resolve", "about", "environment", "files"},
		},
		Handlers: wire.Handlers{
			wire.KindDial:        a.dial,
			wire.KindFlow:        a.flow,
			wire.KindResolve:     a.resolve,
			wire.KindAbout:       a.about,
			wire.KindEnvironment: a.environment,
			wire.KindFiles:       a.files,
		},
		Death:  death,
		Logger: a.logger,
	}}
	if a.front != nil {
		served, err := a.front.serve(ctx, a.host())
		if err != nil {
			return err
		}
		defer served()
		defer cancel() // before that
		maps.Copy(server.Handlers, a.front.handlers())
		server.Hello.Capabilities = append(server.Hello.Capabilities, "route")
		if a.restorer != nil && a.config.Restore != nil {
			after := time.Duration(a.config.Restore.After) * time.Second
			abandoned := newAbandonment(after, a.restorer, a.front.drain, a.logger)
			server.Up = abandoned.presence.up
			var ending sync.WaitGroup
			ending.Go(func() { abandoned.run(ctx) })
			defer ending.Wait()
			defer cancel() // before that
		}
	} else {
		presence := newPresence(a.linger, func() {
			a.logger.Info("no computer has come for a while: the agent ends", "limit", a.linger)
			cancel()
		})
		defer presence.stop()
		server.Up = presence.up
	}
	listener, err := listen()
	if err != nil {
		return fmt.Errorf("listen for carriers: %w", err)
	}
	a.logger.Info("agent is ready for carriers", "address", listener.Addr().String(), "version", buildinfo.Version)
	return server.Serve(ctx, listener)
}

// host is where a front listens: in its pod everywhere, in a test on the loopback.
func (a *Agent) host() string {
	if a.root != "" {
		return "127.0.0.1"
	}
	return ""
}

// dial joins a stream to a new TCP connection. The stream is accepted when that stands.
func (a *Agent) dial(ctx context.Context, in *wire.Incoming) error {
	conn, err := a.connect(ctx, "tcp", in.Params)
	if err != nil {
		return err
	}
	stream, err := in.Accept()
	if err != nil {
		conn.Close()
		return err
	}
	a.connections.Add(1)
	defer a.connections.Add(-1)
	wire.Join(ctx, stream, conn)
	return nil
}

// connect connects to what a stream's parameters name.
func (a *Agent) connect(ctx context.Context, network string, params json.RawMessage) (net.Conn, error) {
	to, err := request.Parse[request.Target](params)
	if err != nil {
		return nil, &wire.Refusal{Code: request.Invalid, Reason: err.Error()}
	}
	conn, err := a.dialer.DialContext(ctx, network, to.String())
	if err != nil {
		return nil, refusal(err)
	}
	return conn, nil
}

// resolve asks the pod's resolver for a name.
func (a *Agent) resolve(ctx context.Context, in *wire.Incoming) error {
	of, err := request.Parse[request.Name](in.Params)
	if err != nil {
		return &wire.Refusal{Code: request.Invalid, Reason: err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, resolveLimit)
	defer cancel()
	addresses, err := a.resolver.LookupNetIP(ctx, "ip", of.Name)
	if err != nil {
		return refusal(err)
	}
	for i := range addresses {
		addresses[i] = addresses[i].Unmap()
	}
	return answer(in, request.Resolved{Addresses: addresses[:min(len(addresses), request.MaxAddresses)]})
}

// about tells how the agent is: an answer has been through all that a connection goes through.
func (a *Agent) about(_ context.Context, in *wire.Incoming) error {
	return answer(in, request.About{
		Build:       buildinfo.Version,
		Seconds:     time.Since(a.began).Seconds(),
		Connections: int(a.connections.Load()),
		Flows:       int(a.flows.Load()),
	})
}

func answer(in *wire.Incoming, v any) error {
	stream, err := in.Accept()
	if err != nil {
		return err
	}
	return request.Answer(stream, v)
}
