package source

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
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
	// line is the text of the line.
	line string
}

// String is the finding with its line and a caret below the place.
func (f Finding) String() string {
	severity := ""
	if f.Severity == Warning {
		severity = "warning: "
	}
	text := fmt.Sprintf("%s:%d:%d: %s%s", f.File, f.Line, f.Column, severity, f.Message)
	if f.line == "" {
		return text
	}
	before := []rune(f.line)[:min(f.Column-1, utf8.RuneCountInString(f.line))]
	for i, c := range before {
		if c != '\t' { // a tab stays one, so that the caret stands right whatever its width
			before[i] = ' '
		}
	}
	return fmt.Sprintf("%s\n    %s\n    %s%s", text, f.line, string(before),
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
