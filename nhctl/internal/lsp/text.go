package lsp

import (
	"net/url"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/nhctl/nhctl/nhctl/internal/config/outline"
	"github.com/nhctl/nhctl/nhctl/internal/lsp/protocol"
)

// text is one version of a document, which never changes.
type text struct {
	all string
	// lines are where lines begin, in bytes.
	lines []int
	tree  func() *outline.Tree
}

func newText(s string) *text {
	t := &text{all: s, lines: []int{0}}
	for i := 0; ; {
		n := strings.IndexByte(s[i:], '\n')
		if n < 0 {
			break
		}
		i += n + 1
		t.lines = append(t.lines, i)
	}
	t.tree = sync.OnceValue(func() *outline.Tree { return outline.Parse(s) })
	return t
}

// line is a line's text, without its end.
func (t *text) line(n int) string {
	if n < 0 || n >= len(t.lines) {
		return ""
	}
	end := len(t.all)
	if n+1 < len(t.lines) {
		end = t.lines[n+1]
	}
	return strings.TrimRight(t.all[t.lines[n]:end], "\r\n")
}

// lineOf is the line of an offset.
func (t *text) lineOf(offset int) int {
	return sort.SearchInts(t.lines, offset+1) - 1
}

// encoding says what a position's character counts.
type encoding string

// width is how much a rune counts.
func (e encoding) width(r rune, size int) int {
	switch e {
	case protocol.UTF8:
		return size
	case protocol.UTF32:
		return 1
	default:
		return max(1, utf16.RuneLen(r))
	}
}

// offset is a position's place in bytes; a position behind a line's end is its end.
func (e encoding) offset(t *text, p protocol.Position) int {
	switch {
	case p.Line < 0:
		return 0
	case p.Line >= len(t.lines):
		return len(t.all)
	}
	line, count := t.line(p.Line), 0
	for i, r := range line {
		if count >= p.Character {
			return t.lines[p.Line] + i
		}
		_, size := utf8.DecodeRuneInString(line[i:])
		count += e.width(r, size)
	}
	return t.lines[p.Line] + len(line)
}

// position is an offset's.
func (e encoding) position(t *text, offset int) protocol.Position {
	offset = max(0, min(offset, len(t.all)))
	p := protocol.Position{Line: t.lineOf(offset)}
	before := t.all[t.lines[p.Line]:offset]
	for i, r := range before {
		_, size := utf8.DecodeRuneInString(before[i:])
		p.Character += e.width(r, size)
	}
	return p
}

func (e encoding) span(t *text, start, end int) protocol.Range {
	return protocol.Range{Start: e.position(t, start), End: e.position(t, end)}
}

// apply makes the text that changes lead to.
func (e encoding) apply(t *text, changes []protocol.Change) *text {
	for _, c := range changes {
		if c.Range == nil {
			t = newText(c.Text)
			continue
		}
		start, end := e.offset(t, c.Range.Start), e.offset(t, c.Range.End)
		t = newText(t.all[:start] + c.Text + t.all[max(start, end):])
	}
	return t
}

// chosen is the encoding that a client prefers, of those that it names.
func chosen(names []string) encoding {
	known := []string{protocol.UTF8, protocol.UTF16, protocol.UTF32}
	for _, name := range names {
		if slices.Contains(known, name) {
			return encoding(name)
		}
	}
	return protocol.UTF16
}

// runes is where a number of characters of a line lead, in bytes from the text's beginning; line counts from 1, and so
// does column. A byte order mark counts for nothing.
func (t *text) runes(line, column int) int {
	if line < 1 || line > len(t.lines) {
		return len(t.all)
	}
	s, at := t.line(line-1), 0
	if line == 1 {
		at = len(s) - len(strings.TrimPrefix(s, "\ufeff"))
	}
	for ; column > 1 && at < len(s); column-- {
		_, size := utf8.DecodeRuneInString(s[at:])
		at += size
	}
	return t.lines[line-1] + at
}

// pathOf is the file of a URI; "" for a document that is none.
func pathOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "file" || u.Path == "" || strings.ContainsRune(u.Path, 0) {
		return ""
	}
	path := u.Path
	if runtime.GOOS == "windows" {
		if u.Host != "" {
			path = "//" + u.Host + path
		} else {
			path = strings.TrimPrefix(path, "/")
		}
	}
	if path = filepath.FromSlash(path); !filepath.IsAbs(path) {
		return ""
	}
	return filepath.Clean(path)
}

// uriOf is a file's URI.
func uriOf(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") { // a drive
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}
