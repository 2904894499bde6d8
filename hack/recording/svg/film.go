package svg

import (
	"slices"
	"time"

	"github.com/nhctl/nhctl/hack/recording/asciicast"
)

// Times of a film.
const (
	// longest is what is left of a pause: no one wants to watch a compiler.
	longest = time.Second
	// shortest is how long a picture stands at least; what comes in the meantime comes with the next one.
	shortest = 80 * time.Millisecond
	// last is how long the last picture stands before the film begins again.
	last = 4 * time.Second
)

// film is what is seen when.
type film struct {
	lines  []shown
	scroll []scrolled
	length time.Duration

	open []int // which of lines stands at a number now, or -1
}

// shown is what stands at a line, from one time to another. Lines keep their number when the screen scrolls.
type shown struct {
	number   int
	cells    []cell
	from, to time.Duration
}

// scrolled says how many lines have scrolled away from a time on.
type scrolled struct {
	at    time.Duration
	lines int
}

// filmOf shows a recording.
func filmOf(r asciicast.Recording) (film, error) {
	s := newScreen(r.Width)
	f := film{}
	at := times(r.Output)
	for i, now := range at {
		if err := s.write(r.Output[i].Text); err != nil {
			return film{}, err
		}
		if i+1 < len(at) && at[i+1] == now {
			continue
		}
		f.length = now
		f.show(s)
		f.follow(max(0, s.bottom()+1-r.Height))
	}
	f.length += last
	for _, i := range f.open {
		if i >= 0 {
			f.lines[i].to = f.length
		}
	}
	f.open = nil
	return f, nil
}

// show takes up what has changed.
func (f *film) show(s *screen) {
	for len(f.open) < len(s.lines) {
		f.open = append(f.open, -1)
	}
	for number, i := range f.open {
		var before, now []cell
		if i >= 0 {
			before = f.lines[i].cells
		}
		if number < len(s.lines) {
			now = trimmed(s.lines[number])
		}
		if slices.Equal(before, now) {
			continue
		}
		if i >= 0 {
			f.lines[i].to, f.open[number] = f.length, -1
		}
		if len(now) > 0 {
			f.open[number] = len(f.lines)
			f.lines = append(f.lines, shown{number: number, cells: slices.Clone(now), from: f.length})
		}
	}
}

// follow scrolls, where that is new.
func (f *film) follow(away int) {
	before := 0
	if n := len(f.scroll); n > 0 {
		before = f.scroll[n-1].lines
	}
	if away != before {
		f.scroll = append(f.scroll, scrolled{f.length, away})
	}
}

// trimmed is a line without the blanks at its end.
func trimmed(line []cell) []cell {
	end := len(line)
	for end > 0 && line[end-1].char == ' ' {
		end--
	}
	return line[:end]
}

// bottom is the last line with something on it, or the cursor's.
func (s *screen) bottom() int {
	bottom := s.row
	for i, line := range s.lines {
		if len(trimmed(line)) > 0 {
			bottom = max(bottom, i)
		}
	}
	return bottom
}

// times are when the pieces of output are seen: long pauses are shorter, and what comes at nearly the same time comes
// at once.
func times(output []asciicast.Output) []time.Duration {
	all := make([]time.Duration, len(output))
	var now, before time.Duration
	for i, o := range output {
		now += min(longest, max(0, o.At-before))
		before = o.At
		all[i] = now
	}
	for i := 0; i < len(all); { // a picture has all that comes before the next one may come
		for begin := all[i]; i < len(all) && all[i]-begin < shortest; i++ {
			all[i] = begin
		}
	}
	return all
}
