// Package outline reads a config's text by its indentation alone, so that a text that is being typed has its keys and
// items too: half a line, a key without a colon, an open bracket. It never fails. It knows no field of a config, and
// renders nothing.
package outline

import (
	"slices"
	"sort"
	"strings"
)

// Item is the step of a path that leads into a list.
const Item = "[]"

// Span is a part of a text, in bytes.
type Span struct{ Start, End int }

// Style is how a value is written.
type Style int

// The styles of a value.
const (
	// None is a value that is not there, or lies below in lines of its own.
	None Style = iota
	Plain
	Quoted
	// Block is text in lines of its own, behind | or >.
	Block
	// FlowMap and FlowList are {} and [].
	FlowMap
	FlowList
	// Alias names an anchor.
	Alias
)

// Entry is a key of a mapping or an item of a list, with what is below it. The root of a document is one, too, without
// a parent.
type Entry struct {
	Parent   *Entry
	Children []*Entry
	// Name is a key without its quotes, and Item for an item.
	Name string
	// Bare says that it is a word without a colon, where a key could be; Flow that it is within {} or [].
	Bare, Flow bool
	// Key is where the key is written, or the dash of an item.
	Key Span
	// Value is what stands behind the key or the dash, of some style; Anchor is the name before it.
	Value  Span
	Style  Style
	Anchor string
	// Indent is the column of the key or the dash, in bytes from 0; -1 for a root.
	Indent int
	// End is where the last line of the entry ends.
	End int
}

// Start is where an entry begins.
func (e *Entry) Start() int { return e.Key.Start }

// List says whether an entry is an item.
func (e *Entry) List() bool { return e.Name == Item && !e.Bare }

// Root is the document that an entry is in.
func (e *Entry) Root() *Entry {
	for e.Parent != nil {
		e = e.Parent
	}
	return e
}

// Path are the keys that lead to an entry, with Item for each list.
func (e *Entry) Path() []string {
	var path []string
	for ; e.Parent != nil; e = e.Parent {
		path = append(path, e.Name)
	}
	slices.Reverse(path)
	return path
}

// Child is the entry of a key; nil where there is none.
func (e *Entry) Child(name string) *Entry {
	for _, c := range e.Children {
		if c.Name == name && !c.Bare {
			return c
		}
	}
	return nil
}

// Tree is the outline of a text.
type Tree struct {
	Text string
	// Roots are the documents; there is at least one.
	Roots []*Entry
	// Entries are all others, in the order of the text.
	Entries []*Entry
	// Comments are those on lines of their own and behind values, without the line's end.
	Comments []Span
}

// Scalar is the text of an entry's value, without its quotes; "" for other styles than Plain and Quoted.
func (t *Tree) Scalar(e *Entry) string {
	if e == nil {
		return ""
	}
	text := t.Text[e.Value.Start:e.Value.End]
	switch e.Style {
	case Plain:
		return text
	case Quoted:
		return unquoted(text)
	default:
		return ""
	}
}

func unquoted(text string) string {
	if text == "" || text[0] != '"' && text[0] != '\'' {
		return text
	}
	return strings.TrimSuffix(text[1:], text[:1])
}

// last is the last entry that begins at an offset or before it; nil for none.
func (t *Tree) last(offset int) *Entry {
	n := sort.Search(len(t.Entries), func(i int) bool { return t.Entries[i].Start() > offset })
	if n == 0 {
		return nil
	}
	return t.Entries[n-1]
}

// At is the entry whose key or value is at an offset; nil where there is none.
func (t *Tree) At(offset int) *Entry {
	e := t.last(offset)
	for ; e != nil; e = e.Parent {
		if within(e.Key, offset) || within(e.Value, offset) && e.Style != None {
			return e
		}
	}
	return nil
}

func within(s Span, offset int) bool { return s.Start <= offset && offset <= s.End }

// Commented says whether an offset is in a comment.
func (t *Tree) Commented(offset int) bool {
	n := sort.Search(len(t.Comments), func(i int) bool { return t.Comments[i].Start >= offset })
	return n > 0 && offset <= t.Comments[n-1].End
}

// lineStart is where the line of an offset begins.
func (t *Tree) lineStart(offset int) int { return strings.LastIndexByte(t.Text[:offset], '\n') + 1 }

// lineEnd is where it ends, before the line break.
func (t *Tree) lineEnd(offset int) int { return lineEnd(t.Text, offset) }

func lineEnd(text string, offset int) int {
	end := strings.IndexByte(text[offset:], '\n')
	if end < 0 {
		return len(text)
	}
	end += offset
	if end > offset && text[end-1] == '\r' {
		end--
	}
	return end
}
