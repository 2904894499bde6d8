package tunnel

import (
	"cmp"
	"context"
	"net"
	"slices"
	"sync"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// busy is how many bytes a line carries between two looks when another one is worth its connection.
const busy = 512 << 10

// Lines are one or several lines to the same sidecar. The first is kept up; another one is dialled when a stream is
// opened while all others are busy, and kept up from then on.
type Lines struct {
	options Options
	most    int
	wanted  chan struct{} // one more line

	mu    sync.Mutex
	lines []*Line
}

// NewLines returns lines, at most so many; they dial once Serve runs.
func NewLines(o Options, most int) *Lines {
	return &Lines{options: o, most: most, wanted: make(chan struct{}, 1), lines: []*Line{NewLine(o)}}
}

// Serve keeps the lines up until ctx ends.
func (l *Lines) Serve(ctx context.Context) {
	var serving sync.WaitGroup
	defer serving.Wait()
	first := l.all()[0]
	serving.Go(func() { first.Serve(ctx) })
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wanted:
		}
		l.mu.Lock()
		if len(l.lines) < l.most {
			line := NewLine(l.options)
			l.lines = append(l.lines, line)
			serving.Go(func() { line.Serve(ctx) })
		}
		l.mu.Unlock()
	}
}

func (l *Lines) all() []*Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines)
}

// Wake makes lines that wait try at once.
func (l *Lines) Wake() {
	for _, line := range l.all() {
		line.Wake()
	}
}

// Answered has lines try again that have stopped.
func (l *Lines) Answered() {
	for _, line := range l.all() {
		line.Answered()
	}
}

// Await returns a carrier once one is up.
func (l *Lines) Await(ctx context.Context) (*wire.Carrier, error) { return l.leastBusy().Await(ctx) }

// State tells how the first line is.
func (l *Lines) State() event.LinkData { return l.all()[0].State() }

// Open opens a stream on the least busy line, as soon as one is up.
func (l *Lines) Open(ctx context.Context, kind wire.Kind, params any) (net.Conn, error) {
	return l.OpenWith(ctx, kind, params, nil)
}

// OpenWith is Open for a stream whose first data is known: it goes with the request.
func (l *Lines) OpenWith(ctx context.Context, kind wire.Kind, params any, first []byte) (net.Conn, error) {
	return l.leastBusy().OpenWith(ctx, kind, params, first)
}

// leastBusy returns the line that is up and carries the least, or the first where none is up. A line that will be up
// later is none that a stream should wait for.
func (l *Lines) leastBusy() *Line {
	all := l.all()
	type load struct {
		line           *Line
		bytes, streams int64
	}
	var loads []load
	for _, line := range all {
		if bytes, streams, up := line.load(); up {
			loads = append(loads, load{line, bytes, streams})
		}
	}
	if len(loads) == 0 {
		return all[0]
	}
	least := slices.MinFunc(loads, func(a, b load) int {
		const negligible = busy / 16 // such as heartbeats
		return cmp.Or(cmp.Compare(a.bytes/negligible, b.bytes/negligible), cmp.Compare(a.streams, b.streams))
	})
	if least.bytes >= busy && len(loads) == len(all) && len(all) < l.most {
		select {
		case l.wanted <- struct{}{}:
		default:
		}
	}
	return least.line
}
