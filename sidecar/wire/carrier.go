package wire

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/hashicorp/yamux"
)

// Timing of a carrier.
const (
	// HandshakeTimeout limits the WebSocket upgrade and the handshake.
	HandshakeTimeout = 10 * time.Second
	// Silence after which the dialling end should try a second connection.
	Silence = 3 * time.Second
	// death is the silence after which an end gives a carrier up.
	death = 15 * time.Second
	// beat is how often an idle carrier is pinged.
	beat = time.Second
	// writeTimeout closes a carrier whose far end takes nothing.
	writeTimeout = 15 * time.Second
)

// window is the flow control window of a stream in bytes; yamux's own 256 KiB caps a 20 ms link at 12 MB/s.
const window = 4 << 20

// Path is where a server takes carriers.
const Path = "/v1/carrier"

// Carrier is an authenticated connection with many streams.
type Carrier struct {
	// Peer is what the far end says of itself.
	Peer Hello

	conn    *conn
	session *yamux.Session
	rtt     atomic.Int64
	stop    context.CancelFunc
	beating sync.WaitGroup
}

// Dial makes a carrier on a connection to a server, which it owns from then on.
func Dial(ctx context.Context, raw net.Conn, token []byte, h Hello) (*Carrier, error) {
	h.Version = Version
	ctx, cancel := context.WithTimeout(ctx, HandshakeTimeout)
	defer cancel()
	// The raw connection may know no deadlines: the handshake ends with the context, by closing it.
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	dialer := websocket.Dialer{
		NetDialContext:   func(context.Context, string, string) (net.Conn, error) { return raw, nil },
		HandshakeTimeout: HandshakeTimeout, ReadBufferSize: 64 << 10, WriteBufferSize: 64 << 10,
	}
	ws, response, err := dialer.DialContext(ctx, "ws://sidecar"+Path, nil)
	if err != nil {
		stop()
		raw.Close()
		if response != nil {
			return nil, fmt.Errorf("upgrade to a carrier: %s: %w", response.Status, err)
		}
		return nil, fmt.Errorf("upgrade to a carrier: %w", err)
	}
	c := newConn(ws)
	peer, err := handshakeClient(c, token, h)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		ws.Close()
		return nil, fmt.Errorf("carrier handshake: %w", err)
	}
	c.muxed = true
	session, err := yamux.Client(c, config())
	if err == nil {
		err = session.GoAway() // the server opens no streams: each would have a window of this side's memory
	}
	if err != nil {
		ws.Close()
		return nil, err
	}
	return newCarrier(c, session, peer), nil
}

// Server takes carriers; a stranger gets nothing before its handshake is done.
type Server struct {
	// Token returns the session's token.
	Token func() ([]byte, error)
	// Hello is what the server says of itself.
	Hello Hello
	// Serve is called for each carrier, on a goroutine of its own; the carrier is closed when it returns.
	Serve func(context.Context, *Carrier)

	pending atomic.Int32
}

// maxPending limits connections that have not proven themselves yet.
const maxPending = 16

// ServeHTTP upgrades a request to a carrier.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.pending.Add(1) > maxPending {
		s.pending.Add(-1)
		http.Error(w, "too many handshakes", http.StatusServiceUnavailable)
		return
	}
	c, peer, err := s.shake(w, r)
	s.pending.Add(-1)
	if err != nil {
		return // the stranger learns nothing more
	}
	c.muxed = true
	session, err := yamux.Server(c, config())
	if err != nil {
		c.Close()
		return
	}
	carrier := newCarrier(c, session, peer)
	defer carrier.Close()
	s.Serve(r.Context(), carrier)
}

func (s *Server) shake(w http.ResponseWriter, r *http.Request) (*conn, Hello, error) {
	upgrader := websocket.Upgrader{
		HandshakeTimeout: HandshakeTimeout, ReadBufferSize: 64 << 10, WriteBufferSize: 64 << 10,
		CheckOrigin: func(r *http.Request) bool { return r.Header.Get("Origin") == "" }, // no browser has a reason to be here
	}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return nil, Hello{}, err
	}
	c := newConn(ws)
	_ = c.SetDeadline(time.Now().Add(HandshakeTimeout))
	token, err := s.Token()
	if err == nil && len(token) == 0 {
		err = ErrToken
	}
	if err != nil {
		ws.Close()
		return nil, Hello{}, err
	}
	hello := s.Hello
	hello.Version = Version
	peer, err := handshakeServer(c, token, hello)
	if err != nil {
		ws.Close()
		return nil, peer, err
	}
	_ = c.SetDeadline(time.Time{})
	return c, peer, nil
}

func config() *yamux.Config {
	c := yamux.DefaultConfig()
	c.EnableKeepAlive = false // the carrier beats by itself
	c.MaxStreamWindowSize = window
	c.ConnectionWriteTimeout = writeTimeout
	c.StreamOpenTimeout = writeTimeout
	c.LogOutput = io.Discard
	return c
}

func newCarrier(c *conn, session *yamux.Session, peer Hello) *Carrier {
	ctx, cancel := context.WithCancel(context.Background())
	carrier := &Carrier{Peer: peer, conn: c, session: session, stop: cancel}
	carrier.beating.Go(func() { carrier.beat(ctx) })
	return carrier
}

// beat pings a silent carrier, and closes it when the silence is too long.
func (c *Carrier) beat(ctx context.Context) {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.session.CloseChan():
			return
		case <-tick.C:
		}
		silence := time.Since(c.LastRead())
		if silence > death {
			_ = c.session.Close()
			return
		}
		if silence >= beat || c.rtt.Load() == 0 {
			// Ping returns after the write timeout at the latest; an error shows as silence.
			if rtt, err := c.session.Ping(); err == nil {
				c.rtt.Store(int64(rtt))
			}
		}
	}
}

// Open opens a stream and returns when the far end has taken it. A refusal is an ErrRefused.
func (c *Carrier) Open(ctx context.Context, kind Kind, params any) (net.Conn, error) {
	var raw json.RawMessage
	if params != nil {
		data, err := json.Marshal(params)
		if err != nil {
			return nil, err
		}
		raw = data
	}
	stream, err := c.session.OpenStream()
	if err != nil {
		return nil, fmt.Errorf("open %s stream: %w", kind, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = stream.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	var a answer
	if err = writeFrame(stream, Header{Kind: kind, Params: raw}); err == nil {
		err = readFrame(stream, &a)
	}
	if err == nil && a.Refused != "" {
		err = fmt.Errorf("%w: %s", ErrRefused, a.Refused)
	}
	if err != nil {
		stream.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("open %s stream: %w", kind, err)
	}
	return stream, nil
}

// Incoming is a stream that the far end wants to open.
type Incoming struct {
	Header
	stream net.Conn
}

// headerTimeout limits how long the far end may take to say what a stream is for.
const headerTimeout = 10 * time.Second

// Accept returns the next stream that the far end opens.
func (c *Carrier) Accept() (*Incoming, error) {
	for {
		stream, err := c.session.AcceptStream()
		if err != nil {
			return nil, err
		}
		in := &Incoming{stream: stream}
		_ = stream.SetReadDeadline(time.Now().Add(headerTimeout))
		if err := readFrame(stream, &in.Header); err != nil {
			stream.Close()
			continue
		}
		_ = stream.SetReadDeadline(time.Time{})
		return in, nil
	}
}

// Accept takes the stream.
func (in *Incoming) Accept() (net.Conn, error) {
	if err := writeFrame(in.stream, answer{}); err != nil {
		in.stream.Close()
		return nil, err
	}
	return in.stream, nil
}

// Refuse gives the reason why the stream is not taken.
func (in *Incoming) Refuse(reason string) {
	_ = writeFrame(in.stream, answer{Refused: reason})
	in.stream.Close()
}

// Done is closed when the carrier is.
func (c *Carrier) Done() <-chan struct{} { return c.session.CloseChan() }

// LastRead is when the last byte came from the far end.
func (c *Carrier) LastRead() time.Time { return time.Unix(0, c.conn.lastRead.Load()) }

// RTT is the last measured round trip; 0 before the first.
func (c *Carrier) RTT() time.Duration { return time.Duration(c.rtt.Load()) }

// Close ends the carrier and its streams.
func (c *Carrier) Close() error {
	c.stop()
	err := c.session.Close()
	c.beating.Wait()
	return err
}
