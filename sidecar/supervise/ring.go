package supervise

import (
	"context"
	"fmt"
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
	change chan struct{} // closed and replaced at each addition
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
	close(r.change)
	r.change = make(chan struct{})
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
	return append(lines, r.lines[start:end]...), next + uint64(end-start), r.change
}

// follow calls emit with lines, first the last `tail` of those kept (all when tail is 0), then new ones until ctx ends.
// Without wait it returns after those kept.
func (r *ring) follow(ctx context.Context, tail int, wait bool, emit func([]Line) error) error {
	r.mu.Lock()
	next := r.first
	if tail > 0 && len(r.lines) > tail {
		next += uint64(len(r.lines) - tail)
	}
	r.mu.Unlock()
	for {
		lines, after, change := r.since(next)
		if len(lines) > 0 {
			next = after
			if err := emit(lines); err != nil {
				return err
			}
			continue
		}
		if !wait {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-change:
		}
	}
}
