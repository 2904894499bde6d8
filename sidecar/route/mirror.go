package route

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"golang.org/x/net/http2"

	"github.com/nhctl/nhctl/sidecar/wire"
)

// Memory of copies, in bytes.
const (
	// mirrorBudget is how much of a mirror's copies may wait for its local process, tableBudget that of all.
	mirrorBudget = 4 << 20
	tableBudget  = 32 << 20
	// copyCost is what a copy counts besides what waits of it. So it limits how many there are.
	copyCost = 8 << 10
)

// budget is the memory that copies share, as part of a greater one.
type budget struct {
	limit  int
	within *budget

	mu   sync.Mutex
	used int
}

func (b *budget) take(n int) bool {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used+n > b.limit || !b.within.take(n) {
		return false
	}
	b.used += n
	return true
}

func (b *budget) give(n int) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
	b.within.give(n)
}

// copied is a copy of a request, or of what a client says on a connection, on its way to a mirror's local process. The
// path of the original calls push, abort and leave, none of which waits for anyone.
type copied struct {
	rule    *live
	request *request // nil for a connection of another protocol than HTTP
	cancel  context.CancelCauseFunc
	wake    chan struct{} // something is in the queue, or nothing more comes
	left    chan struct{} // closed once the original is over

	mu    sync.Mutex
	queue []frame
	taken int  // of the budget
	whole bool // the end of it was pushed
	over  bool // nothing more is taken
}

// Why a copy ends early.
var (
	errDropped = errors.New("more of its copies wait than may")
	errBroken  = errors.New("the original broke off")
)

// copies are those of one request, or of one connection.
type copies []*copied

// handing hands a copy over on a connection, and takes its answer. It returns the answer's status, 0 where there is
// none, and -1 for another protocol than HTTP.
type handing func(ctx context.Context, m *copied, conn net.Conn) (status int, err error)

// copies begins the copies of a request; r is nil for a connection of another protocol.
func (c *client) copies(r *request, hand handing) (all copies) {
	for _, l := range c.server.Table.mirrors(c.port, r) {
		if !l.budget.take(copyCost) {
			l.counter.drop()
			continue
		}
		ctx, cancel := context.WithCancelCause(c.life)
		m := &copied{
			rule:    l,
			request: r,
			cancel:  cancel,
			wake:    make(chan struct{}, 1),
			left:    make(chan struct{}),
			taken:   copyCost,
		}
		stop := context.AfterFunc(l.context, func() { cancel(nil) })
		c.serving.Go(func() {
			defer cancel(nil)
			defer stop()
			m.run(ctx, c, hand)
		})
		all = append(all, m)
	}
	return all
}

// mark is on copies.
func (m *copied) mark() string { return m.rule.ID + "; mirrored" }

// push adds bytes, or a frame of HTTP/2, which no one changes any more.
func (all copies) push(f frame) {
	for _, m := range all {
		m.push(f)
	}
}

// write adds bytes.
func (all copies) write(b []byte) {
	if len(all) > 0 {
		all.push(frame{kind: http2.FrameData, data: slices.Clone(b)})
	}
}

// end says that all of a request, or of a connection, was pushed.
func (all copies) end() {
	for _, m := range all {
		m.mu.Lock()
		m.whole = true
		m.mu.Unlock()
		m.notify()
	}
}

// leave says that the original is over. A copy of which something is missing is broken off, as its original was.
func (all copies) leave() {
	for _, m := range all {
		m.mu.Lock()
		whole := m.whole
		m.mu.Unlock()
		if !whole {
			m.cancel(errBroken)
		}
		close(m.left)
	}
}

func (m *copied) push(f frame) {
	size := f.size()
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.over || m.whole:
	case !m.rule.budget.take(size):
		m.over, m.queue = true, nil
		m.cancel(errDropped)
	default:
		m.taken += size
		m.queue = append(m.queue, f)
		m.whole = f.end
		m.notify()
	}
}

func (m *copied) notify() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// run hands the copy over, and counts what became of it.
func (m *copied) run(ctx context.Context, c *client, hand handing) {
	status, err := m.handOver(ctx, c, hand)
	m.mu.Lock()
	m.over, m.queue = true, nil
	m.mu.Unlock()
	m.rule.budget.give(m.taken)
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, errDropped):
		m.rule.counter.drop()
	case errors.Is(cause, errBroken):
		m.rule.counter.note(nil, -1, "")
	case cause != nil: // the mirror has ended, or the agent
	case err != nil && status <= 0:
		m.rule.counter.note(m.request, 0, "")
	default:
		m.rule.counter.note(m.request, status, "")
	}
}

func (m *copied) handOver(ctx context.Context, c *client, hand handing) (status int, err error) {
	conn, err := c.connect(ctx, m.rule)
	if err != nil {
		return 0, err
	}
	stop := context.AfterFunc(ctx, func() { wire.Reset(conn, "the copy is not whole") })
	defer conn.Close()
	defer stop()
	return hand(ctx, m, conn)
}

// next waits for the next frame. There is none once all were taken, or nothing more is.
func (m *copied) next(ctx context.Context) (f frame, some bool) {
	for {
		m.mu.Lock()
		none := m.over || m.whole && len(m.queue) == 0
		if some = len(m.queue) > 0; some {
			f, m.queue = m.queue[0], m.queue[1:]
		}
		m.mu.Unlock()
		if some || none {
			return f, some
		}
		select {
		case <-m.wake:
		case <-ctx.Done():
			return f, false
		}
	}
}

// done gives back what a frame has taken.
func (m *copied) done(f frame) {
	n := f.size()
	m.mu.Lock()
	m.taken -= n
	m.mu.Unlock()
	m.rule.budget.give(n)
}

// stop has next return.
func (m *copied) stop() {
	m.mu.Lock()
	m.over, m.queue = true, nil
	m.mu.Unlock()
	m.notify()
}

// write writes all to a connection of another protocol than HTTP/2.
func (m *copied) write(ctx context.Context, conn net.Conn) error {
	for {
		f, some := m.next(ctx)
		if !some {
			return context.Cause(ctx)
		}
		if _, err := conn.Write(f.data); err != nil {
			return err
		}
		m.done(f)
	}
}

// limit gives an answer that has begun a while after its original is over, since some never end. It returns what takes
// that back.
func (m *copied) limit(conn net.Conn) (stop func()) {
	over := make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Go(func() {
		select {
		case <-over:
		case <-m.left:
			_ = conn.SetReadDeadline(time.Now().Add(lingering))
		}
	})
	return func() {
		close(over)
		waiting.Wait()
	}
}

// byConnection hands over what a client says in another protocol than HTTP.
func byConnection(ctx context.Context, m *copied, conn net.Conn) (int, error) {
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = io.Copy(io.Discard, conn) })
	defer reading.Wait()
	if err := m.write(ctx, conn); err != nil {
		wire.Reset(conn, "the copy is not whole")
		return 0, err
	}
	defer m.limit(conn)()
	return -1, wire.CloseWrite(conn)
}

// byRequest hands over a request of HTTP/1.
func byRequest(ctx context.Context, m *copied, conn net.Conn) (status int, err error) {
	var writing sync.WaitGroup
	defer writing.Wait()
	defer conn.Close()
	defer m.stop()
	writing.Go(func() { _ = m.write(ctx, conn) })
	in := &reader{conn: conn, buffers: &buffers{}}
	for {
		r, err := readHead(in, statusLine)
		if err != nil {
			return 0, err
		}
		if r.status < 200 {
			continue
		}
		defer m.limit(conn)()
		return r.status, copyBody(io.Discard, in, r.responseBody(m.request.method))
	}
}
