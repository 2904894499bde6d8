// Package endpoint is the sidecar's end of a carrier: it takes carriers on the pod's loopback and serves their streams:
// sync, forwarded ports, the supervisors, and the sidecar's own control calls. It knows nothing of Kubernetes.
package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/nhctl/nhctl/sidecar/buildinfo"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/document"
	"github.com/nhctl/nhctl/sidecar/token"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// Endpoint serves one twin.
type Endpoint struct {
	config contract.Sidecar
	// root is put before every path of the contract; empty outside of tests.
	root   string
	logger *slog.Logger

	mu      sync.Mutex
	folders map[string]*folder
	fills   map[string]*fill
	serving sync.WaitGroup
	context context.Context
}

// ReadConfig reads what the sidecar is told at its start.
func ReadConfig(text string) (c contract.Sidecar, err error) {
	known := document.Head{Kind: contract.SidecarKind, Version: contract.SidecarVersion}
	err = document.Read([]byte(text), known, &c)
	switch {
	case errors.Is(err, document.ErrNewer):
		return c, fmt.Errorf("read %s: %w; end dev mode and start it again, so that nhctl and its sidecar are of one "+
			"version", contract.EnvConfig, err)
	case err != nil:
		return c, fmt.Errorf("read %s: %w", contract.EnvConfig, err)
	}
	return c, nil
}

// New returns an endpoint.
func New(config contract.Sidecar, root string, logger *slog.Logger) *Endpoint {
	return &Endpoint{
		config:  config,
		root:    root,
		logger:  logger,
		folders: map[string]*folder{},
		fills:   map[string]*fill{},
	}
}

// Serve takes carriers until ctx ends.
func (e *Endpoint) Serve(ctx context.Context) error {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(e.config.Port)))
	if err != nil {
		return fmt.Errorf("listen for carriers: %w", err)
	}
	return e.ServeOn(ctx, listener)
}

// ServeOn is Serve on a listener that stands already.
func (e *Endpoint) ServeOn(ctx context.Context, listener net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	e.context = ctx
	defer e.serving.Wait()
	defer cancel()
	e.logger.Info("sidecar is ready for carriers", "address", listener.Addr().String(), "version", buildinfo.Version)
	capabilities := []string{"sync", "forward", "supervisor", "control"}
	server := &wire.Server{Token: token.In(e.root), Options: wire.Options{
		Hello:    wire.Hello{Build: buildinfo.Version, Capabilities: capabilities},
		Handlers: e.handlers(),
		Logger:   e.logger,
	}}
	return server.Serve(ctx, listener)
}

// handlers are the kinds of streams that a twin's sidecar serves.
func (e *Endpoint) handlers() wire.Handlers {
	return wire.Handlers{
		wire.KindSync:       e.sync,
		wire.KindFill:       e.fill,
		wire.KindForward:    e.forward,
		wire.KindSupervisor: e.forwardSupervisor,
		wire.KindControl:    e.serveControl,
	}
}

func (e *Endpoint) path(parts ...string) string {
	return filepath.Join(append([]string{e.root}, parts...)...)
}

func (e *Endpoint) forward(ctx context.Context, in *wire.Incoming) error {
	var p wire.ForwardParams
	if err := json.Unmarshal(in.Params, &p); err != nil || p.Port < 1 || p.Port > 65535 {
		return errors.Join(errors.New("no such port"), err)
	}
	return join(ctx, in, func(ctx context.Context) (net.Conn, error) { return dialLoopback(ctx, p.Port) })
}

func (e *Endpoint) forwardSupervisor(ctx context.Context, in *wire.Incoming) error {
	var p wire.SupervisorParams
	if err := json.Unmarshal(in.Params, &p); err != nil || !e.has(p.Container) {
		return errors.Join(fmt.Errorf("container %s is not in dev mode", p.Container), err)
	}
	return join(ctx, in, e.dialSupervisor(p.Container))
}

func (e *Endpoint) serveControl(ctx context.Context, in *wire.Incoming) error {
	stream, err := in.Accept()
	if err != nil {
		return err
	}
	return serveHTTP(ctx, stream, e.control())
}

func (e *Endpoint) has(container string) bool {
	for _, c := range e.config.Containers {
		if c == container {
			return true
		}
	}
	return false
}

// dialLoopback connects to a port of the pod: programs listen on either loopback address.
func dialLoopback(ctx context.Context, port int) (net.Conn, error) {
	d := &net.Dialer{Timeout: 5 * time.Second}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err == nil {
		return conn, nil
	}
	if conn, err6 := d.DialContext(ctx, "tcp", net.JoinHostPort("::1", strconv.Itoa(port))); err6 == nil {
		return conn, nil
	}
	return nil, err
}

// join joins a stream and a connection, until both directions have ended.
func join(ctx context.Context, in *wire.Incoming, dial func(context.Context) (net.Conn, error)) error {
	conn, err := dial(ctx)
	if err != nil {
		return err
	}
	stream, err := in.Accept()
	if err != nil {
		conn.Close()
		return err
	}
	wire.Join(ctx, stream, conn)
	return nil
}

// serveHTTP serves HTTP on one stream until it ends.
func serveHTTP(ctx context.Context, stream net.Conn, handler http.Handler) error {
	l := &oneListener{conn: stream, done: make(chan struct{})}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: time.Minute,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateClosed || s == http.StateHijacked {
				l.end()
			}
		},
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, io.EOF) && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// oneListener gives one connection, then waits for its end.
type oneListener struct {
	conn net.Conn
	once sync.Once
	done chan struct{}
	mu   sync.Mutex
}

func (l *oneListener) Accept() (net.Conn, error) {
	l.mu.Lock()
	conn := l.conn
	l.conn = nil
	l.mu.Unlock()
	if conn != nil {
		return conn, nil
	}
	<-l.done
	return nil, io.EOF
}

func (l *oneListener) end()           { l.once.Do(func() { close(l.done) }) }
func (l *oneListener) Close() error   { l.end(); return nil }
func (l *oneListener) Addr() net.Addr { return &net.UnixAddr{Name: "carrier", Net: "unix"} }
