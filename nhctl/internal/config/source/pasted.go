package source

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

var syntaxLine = regexp.MustCompile(`^yaml: line (\d+): (.*)$`)

// syntax tells of a text that is no YAML.
func (r *Reader) syntax(rendered *renderer, file string, err error) {
	text, line := strings.TrimPrefix(err.Error(), "yaml: "), 1
	if m := syntaxLine.FindStringSubmatch(err.Error()); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = m[2]
	}
	lines := strings.Split(rendered.out.String(), "\n")
	column := 1
	if line >= 1 && line <= len(lines) {
		column += len(lines[line-1]) - len(strings.TrimLeft(lines[line-1], " "))
	}
	at := rendered.origin(line, column)
	if at.File == "" {
		at = Start(file)
	}
	if len(r.tabs) > 0 && tabbed.MatchString(text) {
		for _, tab := range r.tabs {
			r.found.Add(Finding{Severity: Error, Code: Tab, Suggestion: "  "}, tab, 1,
				"a tab in the indentation: YAML wants spaces")
		}
		return
	}
	r.found.Add(Finding{Severity: Error, Code: Syntax}, at, 1, "this is not valid YAML: %s", text)
}

var (
	// tabbed are the parser's words for a tab where a space should be. In the text of a block, where it is fine, the
	// parser has none.
	tabbed     = regexp.MustCompile(`\btab\b|cannot start any token`)
	comment    = regexp.MustCompile(`(^|\s)#.*$`)
	strange    = regexp.MustCompile("[\u00a0\u2007\u202f\u200b\ufeff]")
	typography = regexp.MustCompile("[\u2018\u2019\u201c\u201d\u00ab\u00bb]")
)

// pasted names what text from web pages brings along.
func (r *Reader) pasted(file, text string) {
	if strings.IndexByte(text, '\t') < 0 && ascii(text) {
		return
	}
	for i, line := range strings.Split(text, "\n") {
		line = comment.ReplaceAllString(line, "")
		column := func(at []int) Position { return Position{file, i + 1, len([]rune(line[:at[0]])) + 1} }
		if indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]; strings.Contains(indent, "\t") &&
			strings.TrimSpace(line) != "" {
			r.tabs = append(r.tabs, Position{file, i + 1, strings.IndexByte(indent, '\t') + 1})
		}
		if at := strange.FindStringIndex(line); at != nil {
			r.found.Add(Finding{Severity: Warning, Code: Pasted, Suggestion: " "}, column(at), 1,
				"a space that is not one (%U), as text from web pages has: replace it by a space",
				[]rune(line[at[0]:])[0])
		}
		if at := typography.FindStringIndex(line); at != nil {
			quote := Finding{Severity: Warning, Code: Pasted, Suggestion: plainQuote(line[at[0]:])}
			r.found.Add(quote, column(at), 1,
				"a typographic quote, as text from web pages has: YAML knows \" and ' only")
		}
	}
}

// plainQuote is the quote that YAML knows for the typographic one that a text begins with.
func plainQuote(text string) string {
	if strings.HasPrefix(text, "\u2018") || strings.HasPrefix(text, "\u2019") {
		return "'"
	}
	return `"`
}

func ascii(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
