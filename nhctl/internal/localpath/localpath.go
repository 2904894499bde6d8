// Package localpath rewrites paths of a container into those of this computer, in what programs print there: so that a
// terminal's links, and an editor's problem matchers, lead to the files that the user edits. It knows no session.
package localpath

import (
	"bytes"
	"io"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// Text rewrites a text that is complete, such as a line.
func Text(folders []event.PathData, text string) string {
	var out bytes.Buffer
	s := scanner{folders: prepared(folders)}
	s.scan(&out, []byte(text))
	s.end(&out)
	return out.String()
}

// Writer rewrites what is written to it. A path may come in several writes: what may be the beginning of one is held
// back until more comes, and for no longer than the pause in which a person would notice.
type Writer struct {
	mu      sync.Mutex
	out     io.Writer
	scanner scanner
	timer   *time.Timer
	err     error // of a write of the timer's
}

// pause is how long the beginning of a path is held back.
const pause = 30 * time.Millisecond

// NewWriter returns a writer that passes on to another one.
func NewWriter(out io.Writer, folders []event.PathData) *Writer {
	w := &Writer{out: out, scanner: scanner{folders: prepared(folders)}}
	w.timer = time.AfterFunc(pause, func() { _ = w.Flush() })
	return w
}

// Write never writes less than it is given without an error.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer.Stop()
	if w.err != nil {
		return 0, w.err
	}
	var out bytes.Buffer
	w.scanner.scan(&out, p)
	if len(w.scanner.held) > 0 {
		w.timer.Reset(pause)
	}
	if _, err := w.out.Write(out.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush writes what is held back.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer.Stop()
	if len(w.scanner.held) == 0 || w.err != nil {
		return w.err
	}
	var out bytes.Buffer
	w.scanner.end(&out)
	_, w.err = w.out.Write(out.Bytes())
	return w.err
}

// folder is a folder in the container, and its path on this computer.
type folder struct{ remote, local []byte }

// prepared are the folders that can be told from other text, the deepest first.
func prepared(folders []event.PathData) []folder {
	var all []folder
	for _, f := range folders {
		if len(f.Remote) > 1 && f.Local != "" { // every path begins with the root
			all = append(all, folder{remote: []byte(f.Remote), local: []byte(filepath.ToSlash(f.Local))})
		}
	}
	slices.SortStableFunc(all, func(a, b folder) int { return len(b.remote) - len(a.remote) })
	return all
}

// scanner goes through a program's output.
type scanner struct {
	folders []folder
	// held may be the beginning of a path, or is one whose end is not known yet.
	held []byte
	// tail is what came last, as far as it says whether a path may begin here.
	tail []byte
	// escape says how far an escape sequence of a terminal has come: letters in it are no part of the text.
	escape escape
}

// escape is a part of an escape sequence: ESC and one character, or ESC [, parameters, and a letter.
type escape int

const (
	outside escape = iota
	begun
	parameters
)

// scheme precedes a path in the traces of Node and of browsers.
const scheme = "file://"

func (s *scanner) scan(out *bytes.Buffer, p []byte) {
	rest := append(s.held, p...)
	s.held = nil
	for len(rest) > 0 {
		found, more := s.find(rest)
		switch {
		case more:
			s.held = bytes.Clone(rest)
			return
		case found != nil:
			out.Write(found.local)
			s.tail = found.remote
			rest = rest[len(found.remote):]
		default:
			out.WriteByte(rest[0])
			s.pass(rest[0])
			rest = rest[1:]
		}
	}
}

// end writes what is held back: nothing comes after it.
func (s *scanner) end(out *bytes.Buffer) {
	held := s.held
	s.held = nil
	for _, f := range s.folders {
		if bytes.Equal(f.remote, held) {
			held = f.local
			break
		}
	}
	out.Write(held)
	s.tail = bytes.Clone(held)
}

// find finds the folder that a path at the beginning of a text lies in; more says that it takes more text to know.
func (s *scanner) find(text []byte) (found *folder, more bool) {
	if !s.begins() {
		return nil, false
	}
	for i, f := range s.folders {
		switch {
		case len(text) <= len(f.remote):
			if bytes.HasPrefix(f.remote, text) {
				return nil, true
			}
		case bytes.HasPrefix(text, f.remote) && !inName(text[len(f.remote)]):
			return &s.folders[i], false
		}
	}
	return nil, false
}

// begins says whether a path may begin here.
func (s *scanner) begins() bool {
	if s.escape != outside {
		return false
	}
	n := len(s.tail)
	return n == 0 || bytes.HasSuffix(s.tail, []byte(scheme)) || s.tail[n-1] != '/' && !inName(s.tail[n-1])
}

// pass notes a byte that was passed on.
func (s *scanner) pass(b byte) {
	switch {
	case b == '\x1b':
		s.escape = begun
	case s.escape == begun && b == '[':
		s.escape = parameters
	case s.escape == begun || s.escape == parameters && b >= '@':
		s.escape, s.tail = outside, nil
		return
	}
	s.tail = append(s.tail, b)
	if n := len(s.tail); n > len(scheme) {
		s.tail = slices.Clone(s.tail[n-len(scheme):])
	}
}

// inName says whether a byte belongs to a file's name, as far as it can be told: other alphabets' letters do.
func inName(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z' || b >= 0x80 ||
		bytes.IndexByte([]byte("_-.+~@%"), b) >= 0
}
