// Package endpoint is the sidecar's end of a carrier: it takes carriers on the pod's loopback and serves their streams: sync,
// forwarded ports, the supervisors, and the sidecar's own control calls. It knows nothing of Kubernetes.
package endpoint

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nhctl/nhctl/sidecar/buildinfo"
	"github.com/nhctl/nhctl/sidecar/contract"
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

// New returns an endpoint.
func New(config contract.Sidecar, root string, logger *slog.Logger) *Endpoint {
	return &Endpoint{config: config, root: root, logger: logger, folders: map[string]*folder{}, fills: map[string]*fill{}}
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
	mux := http.NewServeMux()
	mux.Handle(wire.Path, &wire.Server{
		Token: e.token,
		Hello: wire.Hello{Build: buildinfo.Version, Session: e.config.Session, Capabilities: []string{"sync", "forward", "supervisor", "control"}},
		Serve: e.carrier,
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: wire.HandshakeTimeout, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(e.logger.Handler(), slog.LevelDebug), BaseContext: func(net.Listener) context.Context { return ctx }}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	e.logger.Info("sidecar is ready for carriers", "address", listener.Addr().String(), "version", buildinfo.Version)
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		_ = server.Close()
		return nil
	}
}

// token reads the session's token each time, since the file may change.
func (e *Endpoint) token() ([]byte, error) {
	text, err := os.ReadFile(e.path(contract.TokenDir, contract.SecretToken))
	if err != nil {
		return nil, err
	}
	return hex.DecodeString(strings.TrimSpace(string(text)))
}

func (e *Endpoint) path(parts ...string) string {
	return filepath.Join(append([]string{e.root}, parts...)...)
}

// carrier serves a carrier's streams until it ends.
func (e *Endpoint) carrier(ctx context.Context, c *wire.Carrier) {
	log := e.logger.With("purpose", c.Peer.Purpose, "client", c.Peer.Build)
	log.Info("carrier up")
	defer log.Info("carrier down")
	ctx, cancel := context.WithCancel(ctx)
	var streams sync.WaitGroup
	defer streams.Wait()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	for {
		in, err := c.Accept()
		if err != nil {
			return
		}
		streams.Go(func() {
			if err := e.stream(ctx, in); err != nil {
				log.Debug("stream", "kind", in.Kind, "error", err)
			}
		})
	}
}

func (e *Endpoint) stream(ctx context.Context, in *wire.Incoming) error {
	switch in.Kind {
	case wire.KindSync:
		return e.sync(ctx, in)
	case wire.KindFill:
		return e.fill(ctx, in)
	case wire.KindForward:
		var p wire.ForwardParams
		if err := json.Unmarshal(in.Params, &p); err != nil || p.Port < 1 || p.Port > 65535 {
			in.Refuse("no such port")
			return err
		}
		return forward(ctx, in, func(ctx context.Context) (net.Conn, error) { return dialLoopback(ctx, p.Port) })
	case wire.KindSupervisor:
		var p wire.SupervisorParams
		if err := json.Unmarshal(in.Params, &p); err != nil || !e.has(p.Container) {
			in.Refuse("container " + p.Container + " is not in dev mode")
			return err
		}
		return forward(ctx, in, e.dialSupervisor(p.Container))
	case wire.KindControl:
		stream, err := in.Accept()
		if err != nil {
			return err
		}
		return serveHTTP(ctx, stream, e.control())
	default:
		in.Refuse(fmt.Sprintf("this sidecar (%s) knows no %s streams", buildinfo.Version, in.Kind))
		return nil
	}
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

// forward joins a stream and a connection, until one of them ends.
func forward(ctx context.Context, in *wire.Incoming, dial func(context.Context) (net.Conn, error)) error {
	conn, err := dial(ctx)
	if err != nil {
		in.Refuse(err.Error())
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
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute, BaseContext: func(net.Listener) context.Context { return ctx },
		ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateClosed || s == http.StateHijacked {
				l.end()
			}
		}}
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
