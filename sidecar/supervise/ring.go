package supervise

import (
	"context"
	"fmt"
	"sort"
	"sync"
	"time"
)

// Line is one line of output.
type Line struct {
	Time time.Time `json:"time"`
	// Stream is stdout, stderr, or nhctl for the supervisor's own remarks.
	Stream string `json:"stream"`
	Text   string `json:"text"`
}

// endOfLog is the stream of the line that says that following has come to its end, which a broken connection doesn't.
const endOfLog = "end"

// ringBytes limits the output that is kept.
const ringBytes = 8 << 20

// lineOverhead is what a kept line costs besides its text.
const lineOverhead = 64

// ring keeps the last lines of output. Writers never wait for readers: a reader that falls behind is told how many it lost.
type ring struct {
	mu     sync.Mutex
	lines  []Line
	first  uint64 // number of lines[0]
	bytes  int
	limit  int
	change chan struct{} // closed and replaced at an addition that somebody waits for
	waited bool
}

func newRing(limit int) *ring { return &ring{limit: limit, change: make(chan struct{})} }

func (r *ring) add(l Line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, l)
	r.bytes += len(l.Text) + lineOverhead
	drop := 0
	for r.bytes > r.limit && drop < len(r.lines)-1 {
		r.bytes -= len(r.lines[drop].Text) + lineOverhead
		r.lines[drop] = Line{} // let the text go before the slice does
		drop++
	}
	r.lines, r.first = r.lines[drop:], r.first+uint64(drop)
	if r.waited {
		close(r.change)
		r.change, r.waited = make(chan struct{}), false
	}
}

// since returns lines from a number on, the number after them, and a channel that closes when more come.
func (r *ring) since(next uint64) ([]Line, uint64, <-chan struct{}) {
	const batch = 1024
	r.mu.Lock()
	defer r.mu.Unlock()
	var lines []Line
	if next < r.first {
		lines = append(lines, Line{Time: time.Now(), Stream: "nhctl", Text: fmt.Sprintf("(%d lines were dropped)", r.first-next)})
		next = r.first
	}
	start := int(next - r.first)
	end := min(len(r.lines), start+batch)
	r.waited = true
	return append(lines, r.lines[start:end]...), next + uint64(end-start), r.change
}

// follow calls emit with lines: those kept since a time, at most the last `tail` of them (all when tail is 0). Then come new ones until
// ctx or `until` ends; a closed `until` returns after those kept.
func (r *ring) follow(ctx context.Context, tail int, since time.Time, until <-chan struct{}, emit func([]Line) error) error {
	r.mu.Lock()
	start := sort.Search(len(r.lines), func(i int) bool { return r.lines[i].Time.After(since) })
	if tail > 0 {
		start = max(start, len(r.lines)-tail)
	}
	next := r.first + uint64(start)
	r.mu.Unlock()
	for last := false; ; {
		lines, after, change := r.since(next)
		if len(lines) > 0 {
			next = after
			if err := emit(lines); err != nil {
				return err
			}
			continue
		}
		if last {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-until:
			last = true // what came until then is still to be read
		case <-change:
		}
	}
}
