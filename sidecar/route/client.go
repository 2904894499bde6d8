package route

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/nhctl/nhctl/sidecar/wire"
)

// client is a connection that a client has made.
type client struct {
	server *Server
	port   int
	conn   net.Conn
	in     *reader
	from   string // the client's address
	// life is the agent's, serving counts what goes on for as long.
	life    context.Context
	serving *sync.WaitGroup
	// kept are connections for its next requests, by what they lead to.
	keeping sync.Mutex
	kept    map[string]*upstream
	waiting atomic.Bool // for a request
	// bridge leads its streams, where it speaks HTTP/2; the server's lock guards it.
	bridge *bridge
}

// upstream is a connection to an original or to a local process.
type upstream struct {
	key  string
	conn net.Conn
	in   *reader
	rule *live // whose local process it leads to; nil for an original
	// silent ends the watch over a connection that is kept, and says whether it can still be used.
	silent func() bool
}

// way is where a request, or a connection of another protocol, goes.
type way struct {
	up *upstream
	// rule has claimed it, failedOpen says why an original answers nevertheless.
	rule       *live
	failedOpen string
	passed     []*live
}

// count counts what has become of it.
func (w way) count(r *request, status int) {
	for _, l := range w.passed {
		l.counter.pass()
	}
	if w.rule != nil {
		w.rule.counter.note(r, status, w.failedOpen)
	}
}

// unanswered counts what got no answer, from whomever.
func (w way) unanswered(r *request) {
	w.failedOpen = ""
	w.count(r, 0)
}

var errStrict = errors.New("the route is strict")

// reaching connects to a place that has a name, or takes a connection that is there already.
type reaching func(key string, dial func() (net.Conn, error)) error

// find connects to where a request goes: nothing has been handed over before it returns. r is nil for a connection of
// another protocol.
func (c *client) find(ctx context.Context, r *request, reach reaching) (w way, err error) {
	w.rule, w.passed = c.server.Table.choose(c.port, r)
	if l := w.rule; l != nil {
		err = reach("rule "+l.ID, func() (net.Conn, error) { return c.connect(ctx, l) })
		if err == nil {
			return w, nil
		}
		w.failedOpen = reason(err)
		if l.Strict {
			return w, errStrict
		}
	}
	err = errNoOriginal
	for _, address := range c.server.Originals.order(c.port, c.from) {
		err = reach(address, func() (net.Conn, error) { return c.server.Originals.dial(ctx, address) })
		if err == nil {
			return w, nil
		}
	}
	return w, err
}

// connect connects to a rule's local process, and tells it the client's address where it wants that. A connection is
// for one client alone.
func (c *client) connect(ctx context.Context, l *live) (net.Conn, error) {
	conn, err := l.connect(ctx, c.port)
	if err != nil || !l.Proxy {
		return conn, err
	}
	header := proxyproto.HeaderProxyFromAddrs(proxyVersion, c.conn.RemoteAddr(), c.conn.LocalAddr())
	if _, err := header.WriteTo(conn); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// proxyVersion is that of the PROXY protocol.
const proxyVersion = 2

// findOne is find for what has a connection for itself.
func (c *client) findOne(ctx context.Context, r *request) (w way, err error) {
	var up *upstream
	w, err = c.find(ctx, r, func(key string, dial func() (net.Conn, error)) (err error) {
		up, err = c.reach(key, dial)
		return err
	})
	if w.up = up; up != nil && w.failedOpen == "" {
		up.rule = w.rule
	}
	return w, err
}

// reason says in a word why a local process was not reached.
func reason(err error) string {
	var refusal *wire.Refusal
	switch {
	case errors.As(err, &refusal):
		return cmp.Or(refusal.Code, "failed")
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	}
	return "away" // its carrier has ended, or is about to
}

// reach takes the connection that is kept, or makes one.
func (c *client) reach(key string, dial func() (net.Conn, error)) (*upstream, error) {
	c.keeping.Lock()
	up := c.kept[key]
	delete(c.kept, key)
	c.keeping.Unlock()
	if up != nil {
		if up.silent() {
			return up, nil
		}
		up.conn.Close()
	}
	conn, err := dial()
	if err != nil {
		return nil, err
	}
	return &upstream{key: key, conn: conn, in: &reader{conn: conn, buffers: &c.server.buffers}}, nil
}

// keep keeps a connection for the next request, as long as its far end is silent.
func (c *client) keep(up *upstream) {
	stop, stay := up.in.watch(), func() bool { return true }
	if up.rule != nil {
		stay = context.AfterFunc(up.rule.context, func() { up.conn.Close() })
	}
	up.silent = func() bool {
		stays := stay()
		return stop() == nil && stays && len(up.in.held()) == 0
	}
	c.keeping.Lock()
	defer c.keeping.Unlock()
	c.kept[up.key] = up
}

// close ends the client's connection and those that are kept for it.
func (c *client) close() {
	c.conn.Close()
	for _, up := range c.kept {
		up.silent()
		up.conn.Close()
		up.in.take(len(up.in.held()))
	}
	c.in.take(len(c.in.held()))
}

// detect waits for who speaks first. Where the server does, its protocol is another one than HTTP.
func (c *client) detect(ctx context.Context) {
	w, err := c.findOne(ctx, nil)
	if err != nil {
		c.serveHTTP(ctx) // a request may go elsewhere
		return
	}
	client, server := make(chan error, 1), make(chan error, 1)
	go func() { client <- c.in.wait() }()
	go func() { server <- w.up.in.wait() }()
	select {
	case err = <-client:
		interrupt(w.up.conn, server)
	case <-server:
		_ = interrupt(c.conn, client)
		c.join(ctx, nil, w)
		return
	}
	if err != nil || len(w.up.in.held()) > 0 {
		c.join(ctx, nil, w)
		return
	}
	c.keep(w.up)
	c.serveHTTP(ctx)
}

// interrupt ends a wait for a connection's data.
func interrupt(conn net.Conn, wait <-chan error) error {
	_ = conn.SetReadDeadline(time.Unix(1, 0))
	err := <-wait
	_ = conn.SetReadDeadline(time.Time{})
	return err
}

// splice leads the rest of the connection, which begins with bytes that were read, by connection.
func (c *client) splice(ctx context.Context, first []byte) {
	w, err := c.findOne(ctx, nil)
	if err != nil {
		w.unanswered(nil)
		wire.Reset(c.conn, err.Error())
		return
	}
	c.join(ctx, first, w)
}

// join carries all that is said from now on in either direction.
func (c *client) join(ctx context.Context, first []byte, w way) {
	w.count(nil, -1)
	all := c.copies(nil, byConnection)
	defer all.leave()
	wire.Join(ctx, &joined{Conn: c.conn, first: first, in: c.in, copies: all}, &joined{Conn: w.up.conn, in: w.up.in})
}

// joined is a connection of which some was read already.
type joined struct {
	net.Conn
	first  []byte
	in     *reader
	copies copies // of what it says
}

// WriteTo writes what was read, and then lets the kernel carry the rest where it can.
func (j *joined) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(j.first)
	j.copies.write(j.first)
	if held := j.in.held(); err == nil && len(held) > 0 {
		var more int
		more, err = w.Write(held)
		n += more
		j.copies.write(held)
		j.in.take(len(held))
	}
	if err != nil {
		return int64(n), err
	}
	if len(j.copies) > 0 {
		rest, err := io.Copy(copying{w, j.copies}, struct{ io.Reader }{j.Conn})
		if err == nil {
			j.copies.end()
		}
		return int64(n) + rest, err
	}
	to := w
	if j, ok := w.(*joined); ok {
		to = j.Conn
	}
	rest, err := io.Copy(to, j.Conn)
	return int64(n) + rest, err
}

// copying writes what has copies.
type copying struct {
	to io.Writer
	copies
}

func (c copying) Write(b []byte) (int, error) {
	n, err := c.to.Write(b)
	c.write(b[:n])
	return n, err
}

// CloseWrite ends the direction to the far end.
func (j *joined) CloseWrite() error { return wire.CloseWrite(j.Conn) }

// Reset cuts the connection off.
func (j *joined) Reset(reason string) error {
	wire.Reset(j.Conn, reason)
	return nil
}
