package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// The severities of a finding.
const (
	Error   = "error"
	Warning = "warning"
)

// Finding is something to say about a place of a config.
type Finding struct {
	File string `json:"file"`
	// Line and Column are where it begins, from 1, a column being a character; it ends before EndColumn of the same
	// line.
	Line      int    `json:"line"`
	Column    int    `json:"column"`
	EndColumn int    `json:"endColumn"`
	Severity  string `json:"severity"`
	Message   string `json:"message"`
	// source is the line as written.
	source string
}

// String is the finding with its line and a caret below the place.
func (f Finding) String() string {
	severity := ""
	if f.Severity == Warning {
		severity = "warning: "
	}
	text := fmt.Sprintf("%s:%d:%d: %s%s", f.File, f.Line, f.Column, severity, f.Message)
	if f.source == "" {
		return text
	}
	before := []rune(f.source)[:min(f.Column-1, utf8.RuneCountInString(f.source))]
	for i, c := range before {
		if c != '\t' { // a tab stays one, so that the caret stands right whatever its width
			before[i] = ' '
		}
	}
	return fmt.Sprintf("%s\n    %s\n    %s%s", text, f.source, string(before),
		strings.Repeat("^", max(1, min(f.EndColumn-f.Column, 60))))
}

// Findings are sorted by place.
type Findings []Finding

// Failed says whether an error is among them.
func (f Findings) Failed() bool {
	return slices.ContainsFunc(f, func(x Finding) bool { return x.Severity == Error })
}

// String shows all.
func (f Findings) String() string {
	var texts []string
	for _, x := range f {
		texts = append(texts, x.String())
	}
	return strings.Join(texts, "\n")
}

// problem is what a command that needs the config says when it has errors; nil when it has none.
func (f Findings) problem() error {
	if !f.Failed() {
		return nil
	}
	return problem.New(problem.Usage, "%s", f).WithHint("correct the config; nothing was changed in the cluster")
}

// Problem is the problem of a config with errors; nil when it has none.
func (f *File) Problem() error { return f.Findings.problem() }

// findings collects them, with the text of the files that they are about.
type findings struct {
	list  Findings
	texts map[string]string
	lines map[string][]string // of those texts that there is something to say about
	seen  map[Finding]bool
}

func newFindings(texts map[string]string) *findings {
	return &findings{texts: texts, lines: map[string][]string{}, seen: map[Finding]bool{}}
}

// source remembers a file's text.
func (f *findings) source(file, text string) { f.texts[file] = text }

// line is a line of a file, from 1; empty when there is none.
func (f *findings) line(file string, n int) string {
	lines, split := f.lines[file]
	if !split {
		lines = strings.Split(f.texts[file], "\n")
		f.lines[file] = lines
	}
	if n < 1 || n > len(lines) {
		return ""
	}
	return strings.TrimRight(lines[n-1], "\r")
}

func (f *findings) add(severity string, at position, length int, format string, args ...any) {
	x := Finding{
		File:      at.file,
		Line:      at.line,
		Column:    at.column,
		EndColumn: at.column + max(1, length),
		Severity:  severity,
		Message:   fmt.Sprintf(format, args...),
	}
	x.source = f.line(at.file, at.line)
	f.take(Findings{x})
}

// take adds findings that are new: one place may be part of several services.
func (f *findings) take(list Findings) {
	for _, x := range list {
		if !f.seen[x] {
			f.seen[x] = true
			f.list = append(f.list, x)
		}
	}
}

func (f *findings) sorted() Findings {
	slices.SortStableFunc(f.list, func(a, b Finding) int {
		if a.File != b.File {
			return strings.Compare(a.File, b.File)
		}
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return f.list
}
