// Package socks is a proxy on one loopback port, for programs of this computer: SOCKS5 (with UDP) and HTTP, which the
// first byte of a connection tells apart. Names are resolved at the far end. Its replies say what really happened
// there: refused, unreachable, no answer, no such name; the end of each direction and a reset are passed on. It knows
// the far end only by a function that dials.
package socks

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nhctl/nhctl/sidecar/wire"
)

// Limits of clients.
const (
	// greetLimit limits how long a client may take to say what it wants, dialLimit how long it waits for that.
	greetLimit = 30 * time.Second
	dialLimit  = 30 * time.Second
	// maxClients is how many connections are served at a time.
	maxClients = 4096
)

// Dial connects to a name or an address, over "tcp" or "udp". It fails with an Error where it knows why.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Options say what a proxy is to do.
type Options struct {
	Dial Dial
	// Code says why a Dial failed: one of the codes that have replies, or "".
	Code   func(error) string
	Logger *slog.Logger
}

// Counts are what a proxy has done so far.
type Counts struct {
	// Open are the connections at the moment, Opened all so far, and Failed those that reached nothing.
	Open, Opened, Failed int64
	// Sent and Received are bytes to and from the cluster.
	Sent, Received int64
}

// Proxy serves connections.
type Proxy struct {
	options Options
	open, opened, failed,
	sent, received atomic.Int64
	slots chan struct{}
}

// New returns a proxy.
func New(o Options) *Proxy { return &Proxy{options: o, slots: make(chan struct{}, maxClients)} }

// Counts are what the proxy has done so far.
func (p *Proxy) Counts() Counts {
	return Counts{
		Open:     p.open.Load(),
		Opened:   p.opened.Load(),
		Failed:   p.failed.Load(),
		Sent:     p.sent.Load(),
		Received: p.received.Load(),
	}
}

// Serve serves the connections of a listener, which it closes, until ctx ends or the listener fails. It waits for them.
func (p *Proxy) Serve(ctx context.Context, listener net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	requests := &handed{address: listener.Addr(), conns: make(chan net.Conn), done: ctx.Done()}
	web := p.web(ctx)
	var serving sync.WaitGroup
	defer serving.Wait()
	defer web.Close()
	defer cancel()
	defer stop()
	serving.Go(func() { _ = web.Serve(requests) })
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case p.slots <- struct{}{}:
		default:
			p.options.Logger.Warn("a connection is turned away: there are too many", "limit", maxClients)
			conn.Close()
			continue
		}
		serving.Go(func() {
			defer func() { <-p.slots }()
			p.serve(ctx, conn, requests)
		})
	}
}

// serve finds out what a client speaks.
func (p *Proxy) serve(ctx context.Context, conn net.Conn, requests *handed) {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	_ = conn.SetReadDeadline(time.Now().Add(greetLimit))
	first := make([]byte, 1)
	if _, err := io.ReadFull(conn, first); err != nil {
		conn.Close()
		return
	}
	if first[0] == version5 {
		if err := p.socks5(ctx, conn); err != nil {
			p.options.Logger.Debug("socks", "error", err)
		}
		conn.Close()
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	requests.serve(conn, first)
}

// dial connects for a client, and counts.
func (p *Proxy) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	conn, err := p.options.Dial(ctx, network, address)
	if err != nil {
		p.failed.Add(1)
		p.options.Logger.Debug("dial", "network", network, "address", address, "error", err)
		return nil, err
	}
	p.opened.Add(1)
	p.open.Add(1)
	return &counted{Conn: conn, proxy: p}, nil
}

// join joins a client and its connection in the cluster.
func (p *Proxy) join(ctx context.Context, client, conn net.Conn) {
	_ = client.SetDeadline(time.Time{})
	wire.Join(ctx, client, conn)
}

// web is the HTTP side: CONNECT, and requests that name their server.
func (p *Proxy) web(ctx context.Context) *http.Server {
	transport := &http.Transport{
		DialContext:         p.dial,
		MaxIdleConnsPerHost: 16,
		IdleConnTimeout:     time.Minute,
		DisableCompression:  true,
	}
	forward := &httputil.ReverseProxy{
		Rewrite:       unchanged,
		Transport:     transport,
		FlushInterval: -1,
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, err error) { p.fail(w, err) },
		ErrorLog:      slog.NewLogLogger(p.options.Logger.Handler(), slog.LevelDebug),
	}
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodConnect:
				p.connect(ctx, w, r)
			case r.URL.Scheme == "http" && r.URL.Host != "":
				forward.ServeHTTP(w, r)
			default: // a browser that was led here by a page names no server
				http.Error(w, "this is a proxy: it serves CONNECT and requests with a whole http URL",
					http.StatusBadRequest)
			}
		}),
		ReadHeaderTimeout: greetLimit,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          slog.NewLogLogger(p.options.Logger.Handler(), slog.LevelDebug),
	}
	server.RegisterOnShutdown(transport.CloseIdleConnections)
	context.AfterFunc(ctx, transport.CloseIdleConnections)
	return server
}

// unchanged lets a request go on as it came: its client says who it is for, and whom it comes from.
func unchanged(r *httputil.ProxyRequest) {
	r.Out.Host, r.Out.URL.RawQuery = r.In.Host, r.In.URL.RawQuery
	for _, name := range [...]string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if values, there := r.In.Header[name]; there {
			r.Out.Header[name] = values
		}
	}
}

// connect serves CONNECT.
func (p *Proxy) connect(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	conn, err := p.dial(r.Context(), "tcp", r.Host)
	if err != nil {
		p.fail(w, err)
		return
	}
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		conn.Close()
		http.Error(w, "CONNECT needs HTTP/1.1", http.StatusHTTPVersionNotSupported)
		return
	}
	client, buffered, err := hijacker.Hijack()
	if err != nil {
		conn.Close()
		return
	}
	if _, err := io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		conn.Close()
		client.Close()
		return
	}
	p.join(ctx, hijacked{Conn: client, reader: buffered.Reader}, conn)
}

// fail answers a request whose server was not reached.
func (p *Proxy) fail(w http.ResponseWriter, err error) {
	if errors.Is(err, context.Canceled) {
		panic(http.ErrAbortHandler) // the client has gone
	}
	reply := replyTo(p.options.Code(err))
	w.Header().Set("Proxy-Status", "nhctl; error="+reply.proxyStatus)
	http.Error(w, "nhctl: "+err.Error(), reply.status)
}
