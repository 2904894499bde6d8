package config

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

var syntaxLine = regexp.MustCompile(`^yaml: line (\d+): (.*)$`)

// syntax tells of a text that is no YAML.
func (l *loading) syntax(r *renderer, file string, err error) {
	text, line := strings.TrimPrefix(err.Error(), "yaml: "), 1
	if m := syntaxLine.FindStringSubmatch(err.Error()); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = m[2]
	}
	lines := strings.Split(r.out.String(), "\n")
	column := 1
	if line >= 1 && line <= len(lines) {
		column += len(lines[line-1]) - len(strings.TrimLeft(lines[line-1], " "))
	}
	at := r.origin(line, column)
	if at.file == "" {
		at = position{file, 1, 1}
	}
	if len(l.tabs) > 0 && tabbed.MatchString(text) {
		for _, tab := range l.tabs {
			l.add(Error, tab, 1, "a tab in the indentation: YAML wants spaces")
		}
		return
	}
	l.add(Error, at, 1, "this is not valid YAML: %s", text)
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
func (l *loading) pasted(file, text string) {
	if strings.IndexByte(text, '\t') < 0 && ascii(text) {
		return
	}
	for i, line := range strings.Split(text, "\n") {
		line = comment.ReplaceAllString(line, "")
		column := func(at []int) position { return position{file, i + 1, len([]rune(line[:at[0]])) + 1} }
		if indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]; strings.Contains(indent, "\t") &&
			strings.TrimSpace(line) != "" {
			l.tabs = append(l.tabs, position{file, i + 1, strings.IndexByte(indent, '\t') + 1})
		}
		if at := strange.FindStringIndex(line); at != nil {
			l.add(Warning, column(at), 1,
				"a space that is not one (%U), as text from web pages has: replace it by a space",
				[]rune(line[at[0]:])[0])
		}
		if at := typography.FindStringIndex(line); at != nil {
			l.add(Warning, column(at), 1, "a typographic quote, as text from web pages has: YAML knows \" and ' only")
		}
	}
}

func ascii(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
