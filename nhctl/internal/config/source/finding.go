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
	// Hint is about what is there without an effect, and harms no one.
	Hint = "hint"
)

// The codes of findings, for programs.
const (
	UnknownField   = "unknown-field"
	MisplacedField = "misplaced-field"
	UnusedField    = "unused-field"
	MissingField   = "missing-field"
	WrongType      = "wrong-type"
	NotOneOf       = "not-one-of"
	BadValue       = "bad-value"
	Twice          = "twice"
	OlderFormat    = "older-format"
	NewerFormat    = "newer-format"
	Empty          = "empty"
	Syntax         = "syntax"
	Tab            = "tab"
	Pasted         = "pasted-text"
	Variable       = "variable"
	Unreadable     = "unreadable-file"
	NotInCluster   = "not-in-cluster"
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
	Code      string `json:"code"`
	Message   string `json:"message"`
	// Suggestion is what belongs there: a word or text in place of the one that is written, or for a missing field its
	// name.
	Suggestion string `json:"suggestion,omitempty"`
	// Related is another place that it is about, such as the first of two.
	Related Position `json:"related,omitzero"`
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
