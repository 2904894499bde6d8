package supervise

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
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

// streams are those of kept lines, which know them by their number.
var streams = [...]string{"stdout", "stderr", "nhctl"}

// maxLine splits longer lines, so that a program without line ends can't fill the memory.
const maxLine = 64 << 10

// The output that is kept, of all commands of a supervisor together.
const (
	ringBytes  = 8_000_000
	blockBytes = 256 << 10
)

// block holds lines one behind the other. It has no pointers, and is used again: so a flood of output is no work for
// the collector, and no memory beyond the limit.
type block struct {
	data  []byte
	lines int
}

// lineHeader is what a line has before its text: the time in nanoseconds, the number of its stream, and the text's
// length.
const lineHeader = 8 + 1 + 4

func (b *block) add(at time.Time, stream string, text []byte) {
	b.data = binary.LittleEndian.AppendUint64(b.data, uint64(at.UnixNano()))
	b.data = append(b.data, byte(slices.Index(streams[:], stream)))
	b.data = binary.LittleEndian.AppendUint32(b.data, uint32(len(text)))
	b.data = append(b.data, text...)
	b.lines++
}

// kept is a line in a block.
type kept []byte

// cut splits the first line off a block's data.
func cut(data []byte) (line kept, rest []byte) {
	n := lineHeader + int(binary.LittleEndian.Uint32(data[9:]))
	return kept(data[:n]), data[n:]
}

func (k kept) time() time.Time { return time.Unix(0, int64(binary.LittleEndian.Uint64(k))) }

func (k kept) line() Line {
	return Line{Time: k.time(), Stream: streams[k[8]], Text: string(k[lineHeader:])}
}

// rings are those of a supervisor's commands, which share its memory: when it is used up, the ring that has most of it
// gives its oldest lines.
type rings struct {
	mu   sync.Mutex
	left int // blocks that may still be made
	all  []*ring
}

func newRings(bytes int) *rings { return &rings{left: bytes / blockBytes} }

func (r *rings) ring() *ring {
	one := &ring{rings: r, change: make(chan struct{})}
	r.all = append(r.all, one)
	return one
}

// block returns an empty one.
func (r *rings) block() *block {
	if r.left > 0 {
		r.left--
		return &block{data: make([]byte, 0, blockBytes)}
	}
	richest := slices.MaxFunc(r.all, func(a, b *ring) int { return len(a.blocks) - len(b.blocks) })
	oldest := richest.blocks[0]
	richest.blocks, richest.first = slices.Delete(richest.blocks, 0, 1), richest.first+uint64(oldest.lines)
	oldest.data, oldest.lines = oldest.data[:0], 0
	return oldest
}

// ring keeps the last lines of output. Writers never wait for readers: a reader that falls behind is told how many it
// lost.
type ring struct {
	*rings
	blocks []*block
	first  uint64        // number of the first line that is kept
	change chan struct{} // closed and replaced at an addition that someone waits for
	waited bool
}

// add keeps a line, up to maxLine of it.
func (r *ring) add(stream string, text []byte) {
	text = text[:min(len(text), maxLine)]
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.blocks); n == 0 || len(r.blocks[n-1].data)+lineHeader+len(text) > blockBytes {
		b := r.block() // which may have been this ring's
		r.blocks = append(r.blocks, b)
	}
	r.blocks[len(r.blocks)-1].add(time.Now(), stream, text)
	if r.waited {
		close(r.change)
		r.change, r.waited = make(chan struct{}), false
	}
}

// walk calls do with lines and their numbers, from a number on, until it returns false.
func (r *ring) walk(from uint64, do func(number uint64, line kept) bool) {
	number := r.first
	for _, b := range r.blocks {
		if number+uint64(b.lines) <= from {
			number += uint64(b.lines)
			continue
		}
		for rest := b.data; len(rest) > 0; number++ {
			var line kept
			if line, rest = cut(rest); number >= from && !do(number, line) {
				return
			}
		}
	}
}

// end is the number of the line to come.
func (r *ring) end() uint64 {
	n := r.first
	for _, b := range r.blocks {
		n += uint64(b.lines)
	}
	return n
}

// since returns lines from a number on, the number after them, and a channel that closes when more come.
func (r *ring) since(next uint64) ([]Line, uint64, <-chan struct{}) {
	const batch = 1024
	r.mu.Lock()
	defer r.mu.Unlock()
	var lines []Line
	if next < r.first {
		lines = append(lines,
			Line{Time: time.Now(), Stream: "nhctl", Text: fmt.Sprintf("(%d lines were dropped)", r.first-next)})
		next = r.first
	}
	r.walk(next, func(number uint64, line kept) bool {
		lines, next = append(lines, line.line()), number+1
		return len(lines) < batch
	})
	r.waited = true
	return lines, next, r.change
}

// start is the number of the first line after a time, of the last `tail` lines (all when tail is 0).
func (r *ring) start(tail int, since time.Time) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	start, end := r.first, r.end()
	if tail > 0 && end-start > uint64(tail) {
		start = end - uint64(tail)
	}
	found := end
	r.walk(start, func(number uint64, line kept) bool {
		if line.time().After(since) {
			found = number
		}
		return found == end
	})
	return found
}

// follow calls emit with lines: those kept since a time, at most the last `tail` of them (all when tail is 0). Then
// come new ones until ctx or `until` ends; a closed `until` returns after those kept.
func (r *ring) follow(
	ctx context.Context, tail int, since time.Time, until <-chan struct{}, emit func([]Line) error,
) error {
	next := r.start(tail, since)
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
