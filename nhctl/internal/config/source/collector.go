package source

import (
	"fmt"
	"slices"
	"strings"
)

// Collector collects findings, and quotes the files that they are about. It is for one goroutine; Fork makes others.
type Collector struct {
	list  Findings
	texts map[string]string
	lines map[string][]string // of those texts that there is something to say about
	seen  map[Finding]bool
}

// NewCollector returns a collector without findings.
func NewCollector() *Collector { return newCollector(map[string]string{}) }

func newCollector(texts map[string]string) *Collector {
	return &Collector{texts: texts, lines: map[string][]string{}, seen: map[Finding]bool{}}
}

// Fork returns a collector for another goroutine. It quotes the same files, of which none may be added until Join.
func (c *Collector) Fork() *Collector { return newCollector(c.texts) }

// Join adds the findings of a fork.
func (c *Collector) Join(fork *Collector) { c.take(fork.list) }

// SetText says what a file's text is, for findings to quote.
func (c *Collector) SetText(file, text string) { c.texts[file] = text }

// Add adds a finding about a place and a number of characters from there on; x has its severity, its code, and what
// else a program may want.
func (c *Collector) Add(x Finding, at Position, length int, format string, args ...any) {
	x.File, x.Line, x.Column, x.EndColumn = at.File, at.Line, at.Column, at.Column+max(1, length)
	x.Message, x.line = fmt.Sprintf(format, args...), c.line(at.File, at.Line)
	c.take(Findings{x})
}

// Failed says whether an error was found.
func (c *Collector) Failed() bool { return c.list.Failed() }

// Findings are all that were found.
func (c *Collector) Findings() Findings {
	slices.SortStableFunc(c.list, func(a, b Finding) int {
		if a.File != b.File {
			return strings.Compare(a.File, b.File)
		}
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return c.list
}

// take adds findings that are new: one place may be part of several services.
func (c *Collector) take(list Findings) {
	for _, x := range list {
		if !c.seen[x] {
			c.seen[x] = true
			c.list = append(c.list, x)
		}
	}
}

// line is a line of a file, from 1; empty when there is none.
func (c *Collector) line(file string, n int) string {
	lines, split := c.lines[file]
	if !split {
		lines = strings.Split(c.texts[file], "\n")
		c.lines[file] = lines
	}
	if n < 1 || n > len(lines) {
		return ""
	}
	return strings.TrimRight(lines[n-1], "\r")
}
