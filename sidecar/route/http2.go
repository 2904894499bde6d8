package route

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/nhctl/nhctl/sidecar/wire"
)

// prefaceLine is the first line of a connection of HTTP/2.
const prefaceLine = "PRI * HTTP/2.0\r\n"

// bridge leads the streams of a client's connection of HTTP/2, each for itself: frame by frame, with the windows of one
// end as those of the other.
type bridge struct {
	c       *client
	ctx     context.Context
	running sync.WaitGroup

	mu     sync.Mutex
	client *side
	sides  map[*side]bool
	// flooded says that the last frame had too much said: whoever sent it is at fault.
	flooded bool
	// dialing has a lock for each far end, so that one connection is made there and not one for each stream.
	dialing map[string]*sync.Mutex
}

// serveHTTP2 leads streams until the connection ends. Its first line was read.
func (c *client) serveHTTP2(ctx context.Context) {
	rest := make([]byte, len(http2.ClientPreface)-len(prefaceLine))
	in := &rawReader{in: c.in}
	if _, err := io.ReadFull(in, rest); err != nil || prefaceLine+string(rest) != http2.ClientPreface {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	b := &bridge{c: c, ctx: ctx, sides: map[*side]bool{}, dialing: map[string]*sync.Mutex{}}
	b.mu.Lock()
	b.client = b.add("", c.conn, in, http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: maxStreams})
	b.mu.Unlock()
	c.server.mu.Lock()
	c.bridge = b
	c.server.mu.Unlock()
	b.run(b.client)
	cancel()
	b.mu.Lock()
	for s := range b.sides {
		b.close(s)
	}
	b.mu.Unlock()
	b.running.Wait()
}

// rawReader reads what a reader holds, and then its connection.
type rawReader struct{ in *reader }

func (r *rawReader) Read(p []byte) (int, error) {
	if held := r.in.held(); len(held) > 0 {
		n := copy(p, held)
		r.in.take(n)
		return n, nil
	}
	return r.in.conn.Read(p)
}

// add begins a connection: its settings are said first. The caller holds the lock.
func (b *bridge) add(key string, conn net.Conn, in io.Reader, own ...http2.Setting) *side {
	s := &side{
		b:          b,
		key:        key,
		conn:       conn,
		in:         in,
		wake:       make(chan struct{}, 1),
		streams:    map[uint32]*half{},
		next:       1,
		window:     defaultWindow,
		initial:    defaultWindow,
		maxFrame:   defaultFrame,
		maxStreams: math.MaxUint32,
	}
	b.sides[s] = true
	settings := append(own, http2.Setting{ID: http2.SettingInitialWindowSize, Val: streamWindow})
	s.say(frame{kind: http2.FrameSettings, settings: settings})
	s.say(frame{kind: http2.FrameWindowUpdate, number: connectionWindow - defaultWindow})
	return s
}

// run serves a connection until it ends; then its streams are reset.
func (b *bridge) run(s *side) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if s.write() != nil {
			s.conn.Close()
		}
	}()
	_ = s.read()
	b.mu.Lock()
	b.close(s)
	b.mu.Unlock()
	<-done
	s.conn.Close()
}

// close ends a connection and its streams. The caller holds the lock.
func (b *bridge) close(s *side) {
	if s.closed {
		return
	}
	s.closed = true
	delete(b.sides, s)
	code := http2.ErrCodeInternal
	if s == b.client {
		code = http2.ErrCodeCancel
	}
	for _, h := range s.streams {
		h.leave()
		h.peer.reset(code)
		b.count(h)
	}
	for _, h := range append(s.waiting, s.ready...) {
		if h.id == 0 { // nothing of it was handed over
			h.leave()
			h.peer.reset(http2.ErrCodeRefusedStream)
		}
	}
	s.notify()
	wire.Reset(s.conn, "the connection has ended")
}

// ended closes a connection that has no streams any more and gets none. The caller holds the lock.
func (b *bridge) ended(s *side) {
	begins := func(h *half) bool { return h.id == 0 && !h.over }
	if s.away && len(s.streams) == 0 && len(s.waiting) == 0 && !slices.ContainsFunc(s.ready, begins) && !s.closed {
		s.closed = true
		delete(b.sides, s)
		s.notify() // what is to be said is said
		_ = s.conn.SetReadDeadline(time.Now().Add(lingering))
	}
}

// drain has the client begin no more streams here. A connection that comes later may have one nevertheless.
func (b *bridge) drain() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.goAway()
}

// How a client is told to go.
const (
	// lastPing is in the ping that follows. Its answer comes after the streams that the client has begun before.
	lastPing = "nhctl-go"
	// pingLimit limits the wait for it.
	pingLimit = 5 * time.Second
)

// goAway tells the client to begin no more streams here. Those that are on their way are served: only once they must
// have come, the client hears which was the last. The caller holds the lock.
func (b *bridge) goAway() {
	s := b.client
	if s.leaving || s.closed {
		return
	}
	s.leaving = true
	s.say(frame{kind: http2.FrameGoAway, number: math.MaxInt32})
	s.say(frame{kind: http2.FramePing, data: []byte(lastPing)})
	b.running.Go(func() {
		select {
		case <-b.ctx.Done():
		case <-time.After(pingLimit):
			b.mu.Lock()
			defer b.mu.Unlock()
			b.goneAway()
		}
	})
}

// goneAway takes no more streams of a client that was told to go. The caller holds the lock.
func (b *bridge) goneAway() {
	if s := b.client; s.leaving && !s.away && !s.closed {
		s.away = true
		s.say(frame{kind: http2.FrameGoAway, number: s.lastReceived})
		b.ended(s)
	}
}

// begin finds the way of a new stream, while more of it may come. The caller holds the lock.
func (b *bridge) begin(h *half, fields []hpack.HeaderField) {
	r := requestOf(fields)
	h.request = r
	b.running.Go(func() {
		var s *side
		w, err := b.c.find(b.ctx, r, func(key string, dial func() (net.Conn, error)) (err error) {
			s, err = b.reach(key, dial)
			return err
		})
		b.mu.Lock()
		defer b.mu.Unlock()
		h.peer.found = &w
		switch {
		case h.over:
			b.count(h)
			h.peer.leave()
		case err != nil:
			b.refuse(h, w, err)
		case s.closed || s.away: // at this moment
			h.peer.leave()
			h.reset(http2.ErrCodeRefusedStream)
			b.count(h)
		default:
			if w.rule != nil && w.failedOpen == "" {
				b.tie(s, w.rule)
			}
			b.copy(h)
			h.peer.s = s
			h.peer.enqueue()
		}
	})
}

// copy begins the copies of a request, with what has come of it. The caller holds the lock.
func (b *bridge) copy(h *half) {
	h.copies = b.c.copies(h.request, byStream)
	for i, f := range h.peer.out {
		for _, m := range h.copies {
			if i == 0 {
				mark := hpack.HeaderField{Name: strings.ToLower(Mark), Value: m.mark()}
				f.fields = append(slices.Clip(h.peer.out[0].fields), mark)
			}
			m.push(f)
		}
	}
}

// tie ends a connection after its streams once its rule goes. The caller holds the lock.
func (b *bridge) tie(s *side, to *live) {
	if s.tied {
		return
	}
	s.tied = true
	stop := context.AfterFunc(to.context, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		s.away = true
		b.ended(s)
	})
	context.AfterFunc(b.ctx, func() { stop() })
}

// requestOf is what conditions look at.
func requestOf(fields []hpack.HeaderField) *request {
	r := &request{}
	for _, f := range fields {
		switch f.Name {
		case ":method":
			r.method = f.Value
		case ":path":
			r.target = f.Value
		case ":authority":
			r.fields = append(r.fields, field{"host", f.Value})
		default:
			r.fields = append(r.fields, field{strings.ToLower(f.Name), f.Value})
		}
	}
	return r
}

// reach is the connection to a far end that takes a new stream.
func (b *bridge) reach(key string, dial func() (net.Conn, error)) (*side, error) {
	b.mu.Lock()
	lock := b.dialing[key]
	if lock == nil {
		lock = &sync.Mutex{}
		b.dialing[key] = lock
	}
	b.mu.Unlock()
	lock.Lock()
	defer lock.Unlock()
	b.mu.Lock()
	for s := range b.sides {
		if s.key == key && !s.away {
			b.mu.Unlock()
			return s, nil
		}
	}
	b.mu.Unlock()
	up, err := b.c.reach(key, dial)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(up.conn, http2.ClientPreface); err != nil {
		up.conn.Close()
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.client.closed {
		up.conn.Close()
		return nil, errors.New("the client has gone")
	}
	s := b.add(key, up.conn, &rawReader{in: up.in}, http2.Setting{ID: http2.SettingEnablePush, Val: 0})
	b.running.Go(func() { b.run(s) })
	return s, nil
}

// answered looks at the head of an answer: the first final one is counted, and marked where it failed open. The caller
// holds the lock.
func (b *bridge) answered(h *half, fields []hpack.HeaderField) []hpack.HeaderField {
	if h.began || h.found == nil {
		return fields
	}
	status := 0
	for _, f := range fields {
		if f.Name == ":status" {
			status, _ = strconv.Atoi(f.Value)
		}
	}
	if status < 200 {
		return fields
	}
	h.began = true
	h.found.count(h.peer.request, status)
	if h.found.failedOpen != "" {
		name, value, _ := strings.Cut(h.found.mark(), ": ")
		fields = append(fields, hpack.HeaderField{Name: strings.ToLower(name), Value: value})
	}
	return fields
}

// count counts a stream that has ended without an answer. The caller holds the lock.
func (b *bridge) count(h *half) {
	if h.s == b.client {
		h = h.peer
	}
	if h.found != nil && !h.began {
		h.began = true
		h.found.unanswered(h.peer.request)
	}
}

// refuse answers a request that has nowhere to go. The caller holds the lock.
func (b *bridge) refuse(h *half, w way, why error) {
	text, mark := w.refusal(why)
	fields := []hpack.HeaderField{
		{Name: ":status", Value: "503"},
		{Name: "content-type", Value: "text/plain"},
		{Name: "content-length", Value: strconv.Itoa(len(text))},
	}
	if mark != "" {
		fields = append(fields, hpack.HeaderField{Name: strings.ToLower(Mark), Value: mark})
	}
	b.count(h)
	h.peer.leave()
	h.push(frame{kind: http2.FrameHeaders, fields: fields})
	h.push(frame{kind: http2.FrameData, data: []byte(text), end: true})
	h.gotEnd, h.peer.sentEnd, h.peer.gotEnd = true, true, true
}
