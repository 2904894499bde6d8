package lsp

import (
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/lsp/protocol"
)

func TestPositions(t *testing.T) {
	t.Parallel()
	text := newText("a\r\nä𐐀b\n\nlast")
	for name, tt := range map[string]struct {
		encoding   encoding
		position   protocol.Position
		offset     int
		normalised protocol.Position
	}{
		"the beginning":       {protocol.UTF16, protocol.Position{}, 0, protocol.Position{}},
		"a line's end":        {protocol.UTF16, protocol.Position{Character: 1}, 1, protocol.Position{Character: 1}},
		"behind a line's end": {protocol.UTF16, protocol.Position{Character: 9}, 1, protocol.Position{Character: 1}},
		"two units": {
			protocol.UTF16,
			protocol.Position{Line: 1, Character: 3},
			9,
			protocol.Position{Line: 1, Character: 3},
		},
		"bytes": {
			protocol.UTF8,
			protocol.Position{Line: 1, Character: 6},
			9,
			protocol.Position{Line: 1, Character: 6},
		},
		"characters": {
			protocol.UTF32,
			protocol.Position{Line: 1, Character: 2},
			9,
			protocol.Position{Line: 1, Character: 2},
		},
		"an empty line": {protocol.UTF16, protocol.Position{Line: 2}, 11, protocol.Position{Line: 2}},
		"the end": {
			protocol.UTF16,
			protocol.Position{Line: 3, Character: 4},
			16,
			protocol.Position{Line: 3, Character: 4},
		},
		"a line that is none": {
			protocol.UTF16,
			protocol.Position{Line: 99},
			16,
			protocol.Position{Line: 3, Character: 4},
		},
		"a line before the top": {protocol.UTF16, protocol.Position{Line: -1}, 0, protocol.Position{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.encoding.offset(text, tt.position); got != tt.offset {
				t.Errorf("offset %d, want %d", got, tt.offset)
			}
			if diff := cmp.Diff(tt.normalised, tt.encoding.position(text, tt.offset)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestApply(t *testing.T) {
	t.Parallel()
	at := func(line, start, end int) *protocol.Range {
		return &protocol.Range{Start: protocol.Position{Line: line, Character: start},
			End: protocol.Position{Line: line, Character: end}}
	}
	changes := []protocol.Change{
		{Text: "name: web\nx: y\n"},
		{Range: at(0, 6, 9), Text: "ä𐐀"},
		{Range: at(0, 7, 9), Text: ""},
		{Range: at(1, 0, 99), Text: "z"},
		{Range: at(9, 0, 0), Text: "end"},
		{Range: at(0, 5, 1), Text: "!"}, // nonsense is an insertion
	}
	if got, want := encoding(protocol.UTF16).apply(newText("old"), changes).all, "name:! ä\nz\nend"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestChosenEncoding(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		names []string
		want  encoding
	}{
		{nil, protocol.UTF16},
		{[]string{"utf-7"}, protocol.UTF16},
		{[]string{"utf-8", "utf-16"}, protocol.UTF8},
		{[]string{"utf-16", "utf-8"}, protocol.UTF16},
		{[]string{"utf-32"}, protocol.UTF32},
	} {
		if got := chosen(tt.names); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.names, got, tt.want)
		}
	}
}

func TestPathOf(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"untitled:Untitled-1": "", "https://example.com/a": "", "file:": "", "": "", ":": "", "file:///a%00b": "",
	}
	if runtime.GOOS == "windows" {
		cases["file:///c%3A/a%20b/.dev/config.yaml"] = `c:\a b\.dev\config.yaml`
	} else {
		cases["file:///a%20b/.dev/../.dev/config.yaml"] = "/a b/.dev/config.yaml"
	}
	for uri, want := range cases {
		if got := pathOf(uri); got != want {
			t.Errorf("%s: %q, want %q", uri, got, want)
		}
	}
	if dir := t.TempDir(); pathOf(uriOf(dir)) != dir {
		t.Errorf("%s comes back as %s", dir, pathOf(uriOf(dir)))
	}
}
