package svg

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/hack/recording/asciicast"
)

const ms = time.Millisecond

// plain are cells without a style.
func plain(text string) (cells []cell) {
	for _, char := range text {
		cells = append(cells, cell{char: char})
	}
	return cells
}

// Pauses are cut, and what comes at nearly the same time is seen at once.
func TestTimes(t *testing.T) {
	t.Parallel()
	var output []asciicast.Output
	for _, at := range []time.Duration{0, 30 * ms, 79 * ms, 80 * ms, 400 * ms, 60_400 * ms, 60_500 * ms} {
		output = append(output, asciicast.Output{At: at})
	}
	want := []time.Duration{0, 0, 0, 80 * ms, 400 * ms, 1400 * ms, 1500 * ms}
	if diff := cmp.Diff(want, times(output)); diff != "" {
		t.Error(diff)
	}
}

// Each line is seen from when it was written until it is written over; the screen scrolls where it is full.
func TestFilm(t *testing.T) {
	t.Parallel()
	got, err := filmOf(asciicast.Recording{Width: 20, Height: 2, Output: []asciicast.Output{
		{At: 0, Text: "$ run\r\n"},
		{At: 200 * ms, Text: "build ..."},
		{At: 500 * ms, Text: "\r\x1b[K"},
		{At: 520 * ms, Text: "build 1 s\r\n"},
		{At: 700 * ms, Text: "\r\n\r\ndone   "},
	}})
	want := film{
		lines: []shown{
			{0, plain("$ run"), 0, 4700 * ms},
			{1, plain("build ..."), 200 * ms, 500 * ms},
			{1, plain("build 1 s"), 500 * ms, 4700 * ms},
			{4, plain("done"), 700 * ms, 4700 * ms},
		},
		scroll: []scrolled{{500 * ms, 1}, {700 * ms, 3}},
		length: 4700 * ms,
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(film{}, shown{}, scrolled{}, cell{}, style{})); diff != "" ||
		err != nil {
		t.Error(diff, err)
	}
}

// A line that is emptied is gone, and may come again.
func TestFilmErases(t *testing.T) {
	t.Parallel()
	got, err := filmOf(asciicast.Recording{Width: 20, Height: 1, Output: []asciicast.Output{
		{At: 0, Text: "a\r\nb"},
		{At: 100 * ms, Text: "\r\x1b[K"},
		{At: 200 * ms, Text: "b"},
	}})
	want := film{
		lines: []shown{
			{0, plain("a"), 0, 4200 * ms}, {1, plain("b"), 0, 100 * ms}, {1, plain("b"), 200 * ms, 4200 * ms},
		},
		scroll: []scrolled{{0, 1}},
		length: 4200 * ms,
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(film{}, shown{}, scrolled{}, cell{}, style{})); diff != "" ||
		err != nil {
		t.Error(diff, err)
	}
}
