package wire

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nhctl/nhctl/sidecar/mux"
)

// Timing of a carrier.
const (
	// HandshakeTimeout limits the upgrade and the handshake.
	HandshakeTimeout = 10 * time.Second
	// Silence after which the dialling end should try a second connection.
	Silence = 3 * time.Second
	// death is the silence after which an end gives a carrier up, unless its options say otherwise.
	death = 15 * time.Second
	// heartbeat is how often an idle carrier is pinged.
	heartbeat = time.Second
	// writeTimeout closes a carrier whose far end takes nothing.
	writeTimeout = 15 * time.Second
	// headerTimeout limits how long the far end may take to say what a stream is for.
	headerTimeout = 10 * time.Second
)

// Limits of what an end takes from the other.
const (
	// maxStreams is how many streams the far end may have open at a time.
	maxStreams = 2048
	// maxServerHeader limits the headers of streams that a server opens, and its answers, in bytes: whoever is in the
	// pod may have written them.
	maxServerHeader = 16 << 10
)

// Errors of streams.
var (
	// ErrRefused says that the far end did not take a stream; the text has its reason.
	ErrRefused = errors.New("refused by the far end")
	// ErrReset says that the far end has reset a stream; the text has its reason.
	ErrReset = mux.ErrReset
)

// Refusal is why an end does not take a stream. A handler returns one; whoever wanted to open the stream finds it in
// the ErrRefused.
type Refusal struct {
	// Code distinguishes refusals for programs; empty where the reason is all that there is.
	Code string
	// Reason is for people.
	Reason string
}

func (r *Refusal) Error() string { return r.Reason }

// Options say what an end of a carrier is, and which streams it serves.
type Options struct {
	// Hello is what the end says of itself.
	Hello Hello
	// Handlers serve the streams that the far end opens. Without any, it can't open streams.
	Handlers Handlers
	// Death is the silence after which this end gives the carrier up; 0 means the default of 15 s.
	Death  time.Duration
	Logger *slog.Logger
}

// Carrier is an authenticated connection with many streams.
type Carrier struct {
	// Peer is what the far end says of itself.
	Peer Hello

	session   *mux.Session
	handlers  Handlers
	logger    *slog.Logger
	maxHeader int
	death     time.Duration
	rtt       atomic.Int64
	stop      context.CancelFunc
	running   sync.WaitGroup
}

// Dial makes a carrier on a connection to a server, which it owns from then on.
func Dial(ctx context.Context, raw net.Conn, token []byte, o Options) (*Carrier, error) {
	o.Hello.Version = Version
	var peer Hello
	var conn *messages
	err := limited(ctx, raw, func() (err error) {
		if conn, err = upgradeClient(context.WithoutCancel(ctx), raw); err == nil {
			peer, err = handshakeClient(conn, token, o.Hello)
		}
		return err
	})
	if err != nil {
		raw.Close()
		return nil, fmt.Errorf("carrier handshake: %w", err)
	}
	return newCarrier(context.WithoutCancel(ctx), conn, true, peer, o), nil
}

// limited runs a handshake. The connection may know no deadlines: it is closed when the time is over or ctx ends.
func limited(ctx context.Context, raw net.Conn, handshake func() error) error {
	ctx, cancel := context.WithTimeout(ctx, HandshakeTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	err := handshake()
	if !stop() {
		return errors.Join(context.Cause(ctx), err)
	}
	return err
}

// newCarrier returns a carrier on a connection that has proven itself. It ends with ctx.
func newCarrier(ctx context.Context, conn net.Conn, client bool, peer Hello, o Options) *Carrier {
	incoming := maxStreams
	if len(o.Handlers) == 0 {
		incoming = 0
	}
	logger := o.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	c := &Carrier{
		Peer:      peer,
		session:   mux.New(conn, mux.Options{Client: client, Incoming: incoming, WriteTimeout: writeTimeout}),
		handlers:  o.Handlers,
		logger:    logger,
		maxHeader: maxFrame,
		death:     cmp.Or(o.Death, death),
	}
	if client {
		c.maxHeader = maxServerHeader
	}
	ctx, c.stop = context.WithCancel(ctx)
	c.running.Go(func() { c.pingIdle(ctx) })
	c.running.Go(func() { c.serve(ctx) })
	return c
}

// pingIdle pings a silent carrier, and closes it when the silence is too long.
func (c *Carrier) pingIdle(ctx context.Context) {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.Done():
			return
		case <-tick.C:
		}
		silence := time.Since(c.LastRead())
		if silence > c.death {
			_ = c.session.Close()
			return
		}
		if silence >= heartbeat || c.rtt.Load() == 0 {
			// The wait is not to go beyond the carrier's death.
			waiting, cancel := context.WithTimeout(ctx, min(Silence, max(c.death-silence, heartbeat)))
			if rtt, err := c.session.Ping(waiting); err == nil { // an error shows as silence
				c.rtt.Store(int64(rtt))
			}
			cancel()
		}
	}
}

// Open opens a stream and returns when the far end has taken it. A refusal is an ErrRefused.
func (c *Carrier) Open(ctx context.Context, kind Kind, params any) (net.Conn, error) {
	return c.OpenWith(ctx, kind, params, nil)
}

// OpenWith is Open for a stream whose first data is known: it goes with the request, as far as it fits, so that the
// far end need not be waited for twice. The rest is written before OpenWith returns.
func (c *Carrier) OpenWith(ctx context.Context, kind Kind, params any, first []byte) (net.Conn, error) {
	stream, err := c.request(ctx, kind, params, first)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("open %s stream: %w", kind, err)
	}
	return stream, nil
}

func (c *Carrier) request(ctx context.Context, kind Kind, params any, first []byte) (net.Conn, error) {
	h := Header{Kind: kind}
	if params != nil {
		data, err := json.Marshal(params)
		if err != nil {
			return nil, err
		}
		h.Params = data
	}
	request, err := packFrame(h)
	if err != nil {
		return nil, err
	}
	fits := min(len(first), max(0, mux.FirstData-len(request)))
	request = append(request, first[:fits]...)
	now := min(len(request), mux.FirstData)
	stream, err := c.session.Open(ctx, request[:now])
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = stream.Reset("no longer wanted") })
	// A far end that refuses may have done so before it has read everything.
	_, failed := stream.Write(request[now:])
	var a answer
	if err = readFrame(stream, &a, c.maxHeader); err == nil && a.Refused != "" {
		err = fmt.Errorf("%w: %w", ErrRefused, &Refusal{Code: a.Code, Reason: a.Refused})
	}
	if err == nil {
		err = failed
	}
	if err == nil {
		_, err = stream.Write(first[fits:])
	}
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = stream.Reset("")
		return nil, err
	}
	return stream, nil
}

// Done is closed when the carrier has ended.
func (c *Carrier) Done() <-chan struct{} { return c.session.Done() }

// LastRead is when the last byte came from the far end.
func (c *Carrier) LastRead() time.Time { return c.session.LastRead() }

// RTT is the last measured round trip; 0 before the first.
func (c *Carrier) RTT() time.Duration { return time.Duration(c.rtt.Load()) }

// Moved is how many bytes have gone over the carrier so far, in both directions.
func (c *Carrier) Moved() int64 { return c.session.Moved() }

// Streams is how many streams are open.
func (c *Carrier) Streams() int { return c.session.Streams() }

// Close ends the carrier and its streams, and waits for their handlers.
func (c *Carrier) Close() error {
	c.stop()
	err := c.session.Close()
	c.running.Wait()
	return err
}
