// Package tunnel is the local end of carriers: it dials them, keeps them up, and forwards local ports over them. It
// knows pods only by a function that dials, and nothing of dev mode.
package tunnel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/buildinfo"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// Dialer opens a raw connection to the sidecar of the session's present pod.
type Dialer func(context.Context) (conn net.Conn, pod string, err error)

// Timing of redials.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 5 * time.Second
	// dialLimit limits one try.
	dialLimit = 15 * time.Second
	// look is how often a carrier's silence is judged.
	look = 500 * time.Millisecond
)

// The states of a line.
const (
	Connecting = "connecting"
	Up         = "up"
	Down       = "down"
	// Stopped means that trying again is of no use before someone fixes something.
	Stopped = "stopped"
)

// Options say whom a line leads to, and what it serves.
type Options struct {
	Dial    Dialer
	Session string
	Token   []byte
	// Purpose is one of wire's.
	Purpose string
	// Handlers serve the streams that the sidecar opens. Without any, it can't open streams.
	Handlers wire.Handlers
	// Death is the silence after which a carrier is given up; 0 means wire's default.
	Death  time.Duration
	Logger *slog.Logger
	// OnState is told of each change; nil for no one.
	OnState func(event.LinkData)
}

// Line keeps one carrier up.
type Line struct {
	options Options
	carries wire.Options
	logger  *slog.Logger

	moved   atomic.Int64 // bytes between the last two looks at the carrier, with those before counting half
	mu      sync.Mutex
	carrier *wire.Carrier
	state   event.LinkData
	change  chan struct{} // closed and replaced at each change
	wake    chan struct{}
	// wakes counts the wakes, tried those before the present try, and known those before the try that state is of.
	wakes, tried, known int
}

// NewLine returns a line; it dials once Serve runs.
func NewLine(o Options) *Line {
	if o.OnState == nil {
		o.OnState = func(event.LinkData) {}
	}
	logger := o.Logger.With("purpose", o.Purpose)
	return &Line{
		options: o,
		carries: wire.Options{
			Hello:    wire.Hello{Build: buildinfo.Version, Session: o.Session, Purpose: o.Purpose},
			Handlers: o.Handlers,
			Death:    o.Death,
			Logger:   logger,
		},
		logger: logger,
		change: make(chan struct{}),
		wake:   make(chan struct{}, 1),
		state:  event.LinkData{State: Connecting},
	}
}

// Serve keeps the carrier up until ctx ends.
func (l *Line) Serve(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		l.begin()
		c, pod, err := l.connect(ctx)
		if err == nil {
			pause = firstPause
			l.set(c, event.LinkData{State: Up, Pod: pod})
			l.watch(ctx, c)
			l.set(nil, event.LinkData{State: Down, Reason: "the connection was lost"})
			continue
		}
		if ctx.Err() != nil {
			return
		}
		state := Connecting
		if code := problem.From(err).Code; code == problem.Unauthorized || code == problem.Forbidden {
			state = Stopped
		}
		l.logger.Debug("dial", "error", err, "pause", pause)
		l.set(nil, event.LinkData{State: state, Reason: err.Error()})
		pause = l.rest(ctx, state, pause)
	}
}

// rest waits before the next try: a while, or when stopped, until someone wakes the line.
func (l *Line) rest(ctx context.Context, state string, pause time.Duration) time.Duration {
	timer := time.NewTimer(pause/2 + rand.N(pause/2+1))
	defer timer.Stop()
	after := timer.C
	if state == Stopped {
		after = nil
	}
	select {
	case <-ctx.Done():
	case <-after:
	case <-l.wake:
		return firstPause
	}
	return min(2*pause, lastPause)
}

// begin notes what a try that begins knows of.
func (l *Line) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tried = l.wakes
}

// Wake makes a line that waits try at once. Whoever awaits one that has stopped hears of that try.
func (l *Line) Wake() {
	l.mu.Lock()
	l.wakes++
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Answered has a line try again that has stopped for want of credentials or rights: the cluster has let someone in.
func (l *Line) Answered() {
	if l.State().State == Stopped {
		l.Wake()
	}
}

func (l *Line) connect(ctx context.Context) (*wire.Carrier, string, error) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	conn, pod, err := l.options.Dial(ctx)
	if err != nil {
		return nil, pod, err
	}
	c, err := wire.Dial(ctx, conn, l.options.Token, l.carries)
	return c, pod, err
}

// watch returns when the carrier has ended. When it is silent for too long, a second one is dialled next to it, and
// takes over once it stands: a silent connection may be dead, or just slow.
func (l *Line) watch(ctx context.Context, c *wire.Carrier) {
	tick := time.NewTicker(look)
	defer tick.Stop()
	defer func() { _ = c.Close() }()
	before := c.Moved()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.Done():
			return
		case <-tick.C:
		}
		now := c.Moved()
		l.moved.Store(l.moved.Load()/2 + now - before)
		before = now
		if time.Since(c.LastRead()) < wire.Silence {
			continue
		}
		l.logger.Info("the carrier is silent; dialling a second one")
		second, pod, err := l.connect(ctx)
		if err != nil {
			continue
		}
		l.set(second, event.LinkData{State: Up, Pod: pod})
		_ = c.Close()
		c, before = second, second.Moved()
	}
}

func (l *Line) set(c *wire.Carrier, state event.LinkData) {
	l.mu.Lock()
	// Each failed dial words its reason differently; the first is enough.
	changed := l.state.State != state.State || l.state.Pod != state.Pod || l.state.Reason == "" && state.Reason != ""
	l.carrier, l.state, l.known = c, state, l.tried
	close(l.change)
	l.change = make(chan struct{})
	l.mu.Unlock()
	if changed {
		l.options.OnState(state)
	}
}

// load tells how many bytes the line has carried lately, and how many streams it has, if it is up.
func (l *Line) load() (bytes, streams int64, up bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.carrier == nil {
		return 0, 0, false
	}
	return l.moved.Load(), int64(l.carrier.Streams()), true
}

// State tells how the line is.
func (l *Line) State() event.LinkData {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// Await returns the carrier once it is up.
func (l *Line) Await(ctx context.Context) (*wire.Carrier, error) {
	for {
		l.mu.Lock()
		c, state, change := l.carrier, l.state, l.change
		stopped := state.State == Stopped && l.known == l.wakes
		l.mu.Unlock()
		if c != nil {
			return c, nil
		}
		if stopped {
			return nil, problem.New(problem.Forbidden, "no connection to the sidecar: %s", state.Reason)
		}
		select {
		case <-ctx.Done():
			if state.Reason != "" {
				return nil, fmt.Errorf("no connection to the sidecar: %s: %w", state.Reason, ctx.Err())
			}
			return nil, fmt.Errorf("no connection to the sidecar: %w", ctx.Err())
		case <-change:
		}
	}
}

// Open opens a stream as soon as the carrier is up.
func (l *Line) Open(ctx context.Context, kind wire.Kind, params any) (net.Conn, error) {
	return l.OpenWith(ctx, kind, params, nil)
}

// OpenWith is Open for a stream whose first data is known: it goes with the request.
func (l *Line) OpenWith(ctx context.Context, kind wire.Kind, params any, first []byte) (net.Conn, error) {
	for {
		c, err := l.Await(ctx)
		if err != nil {
			return nil, err
		}
		stream, err := c.OpenWith(ctx, kind, params, first)
		if err == nil || errors.Is(err, wire.ErrRefused) || ctx.Err() != nil {
			return stream, err
		}
		// The carrier has just gone: wait for the next.
		if err := delay.For(ctx, firstPause); err != nil {
			return nil, err
		}
	}
}
