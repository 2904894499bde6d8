package ignore

import (
	"bytes"
	"strings"
)

// rule is one of git's.
type rule struct {
	text string // as it is in its file
	line int    // where it is there, from 1 on
	file string
	// base is the folder that has the file, from the repository's root; "" is that.
	base              string
	pattern           string
	negative, dirOnly bool
	anywhere          bool // the pattern is about names, not about paths from base on
	literal           bool // the pattern has nothing that stands for something else
}

// parse reads a file of rules, as git does. base is the folder that has it.
func parse(s Source) []rule {
	var rules []rule
	for i, line := range s.Lines {
		if i == 0 {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if line == "" || line[0] == '#' {
			continue
		}
		r := rule{text: line, line: i + 1, file: s.File, base: s.Dir}
		p, negative := strings.CutPrefix(trimSpaces(line), "!")
		p, r.dirOnly = strings.CutSuffix(p, "/")
		r.negative, r.anywhere = negative, !strings.Contains(p, "/")
		r.pattern = strings.TrimPrefix(p, "/")
		r.literal = !strings.ContainsAny(r.pattern, special)
		if r.pattern != "" {
			rules = append(rules, r)
		}
	}
	return rules
}

// trimSpaces takes off the spaces at the end that no backslash keeps.
func trimSpaces(line string) string {
	end := len(line)
	for end > 0 && line[end-1] == ' ' {
		end--
	}
	slashes := 0
	for slashes < end && line[end-1-slashes] == '\\' {
		slashes++
	}
	if slashes%2 == 1 && end < len(line) {
		end++
	}
	return line[:end]
}

// match says whether the rule is about a path, from the repository's root on.
func (r rule) match(path string, isDir bool) bool {
	if r.dirOnly && !isDir {
		return false
	}
	if r.base != "" {
		rest, below := strings.CutPrefix(path, r.base)
		if !below || rest == "" || rest[0] != '/' {
			return false
		}
		path = rest[1:]
	}
	if r.anywhere {
		path = path[strings.LastIndexByte(path, '/')+1:]
	}
	if r.literal {
		return path == r.pattern
	}
	pattern := r.pattern
	// git compares the pattern's plain beginning first, so that stars after it count as the first of a pattern
	if !r.anywhere {
		plain := strings.IndexAny(pattern, special)
		if !strings.HasPrefix(path, pattern[:plain]) {
			return false
		}
		pattern, path = pattern[plain:], path[plain:]
	}
	return wild([]byte(pattern), []byte(path), true) == matched
}

// special are the characters of a pattern that stand for others.
const special = `*?[\`

// lastMatch returns the last rule that is about a path.
func lastMatch(rules []rule, path string, isDir bool) (rule, bool) {
	for i := len(rules) - 1; i >= 0; i-- {
		if rules[i].match(path, isDir) {
			return rules[i], true
		}
	}
	return rule{}, false
}

// outcome is what came of comparing a pattern with a text; the latter two end the search of a star early.
type outcome int

const (
	matched outcome = iota
	different
	over     // the text is over before the pattern is
	nextPart // only two stars would go beyond a slash
)

// wild compares a pattern with a path: git's wildmatch, with WM_PATHNAME.
func wild(p, text []byte, start bool) outcome {
	for i := 0; i < len(p); i++ {
		c := p[i]
		if len(text) == 0 && c != '*' {
			return over
		}
		switch c {
		case '?':
			if text[0] == '/' {
				return different
			}
		case '*':
			return star(p[i:], text, i > 0 && p[i-1] != '/' || i == 0 && !start)
		case '[':
			rest, in := class(p[i+1:], text[0])
			if rest < 0 {
				return over
			}
			if !in || text[0] == '/' {
				return different
			}
			i += rest
		default:
			if c == '\\' {
				if i++; i == len(p) {
					return different
				}
				c = p[i]
			}
			if c != text[0] {
				return different
			}
		}
		text = text[1:]
	}
	if len(text) > 0 {
		return different
	}
	return matched
}

// star compares from a star on. after says that something that is no slash is before it.
func star(p, text []byte, after bool) outcome {
	stars := 0
	for stars < len(p) && p[stars] == '*' {
		stars++
	}
	rest := p[stars:]
	beyond := stars > 1 && !after && (len(rest) == 0 || rest[0] == '/' || bytes.HasPrefix(rest, []byte(`\/`)))
	if beyond && len(rest) > 0 && rest[0] == '/' && wild(rest[1:], text, true) == matched {
		return matched
	}
	slash := bytes.IndexByte(text, '/')
	switch {
	case len(rest) == 0 && (beyond || slash < 0):
		return matched
	case len(rest) == 0:
		return nextPart
	case !beyond && rest[0] == '/':
		if slash < 0 {
			return over
		}
		return wild(rest[1:], text[slash+1:], true)
	}
	for ; len(text) > 0; text = text[1:] {
		switch got := wild(rest, text, false); {
		case got == matched, got == over, got == nextPart && !beyond:
			return got
		}
		if !beyond && text[0] == '/' {
			return nextPart
		}
	}
	return over
}

// class says whether a character is in a class, whose text begins after its bracket, and how long that is with the
// bracket that ends it; -1 where none does.
func class(p []byte, c byte) (length int, in bool) {
	i, negated := 0, false
	if i < len(p) && (p[i] == '!' || p[i] == '^') {
		negated = true
		i++
	}
	var last byte // that a range may begin with
	for first := true; ; first = false {
		if i >= len(p) {
			return -1, false
		}
		switch ch := p[i]; {
		case ch == ']' && !first:
			return i + 1, in != negated
		case ch == '-' && last != 0 && i+1 < len(p) && p[i+1] != ']':
			i++
			if p[i] == '\\' {
				if i++; i >= len(p) {
					return -1, false
				}
			}
			in = in || last <= c && c <= p[i]
			last = 0
		case ch == '[' && i+1 < len(p) && p[i+1] == ':':
			end := bytes.IndexByte(p[i+2:], ']')
			if end < 0 {
				return -1, false
			}
			name, isName := bytes.CutSuffix(p[i+2:i+2+end], []byte(":"))
			if !isName { // no name of a class after all
				in, last = in || c == '[', '['
				break
			}
			is, known := named(string(name), c)
			if !known {
				return -1, false
			}
			in, last = in || is, 0
			i += 2 + end
		default:
			if ch == '\\' {
				if i++; i >= len(p) {
					return -1, false
				}
				ch = p[i]
			}
			in, last = in || ch == c, ch
		}
		i++
	}
}

// named says whether a character is in one of POSIX's classes.
func named(class string, c byte) (in, known bool) {
	upper, lower, digit := c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9'
	graph := c > ' ' && c < 0x7f
	switch class {
	case "alnum":
		return upper || lower || digit, true
	case "alpha":
		return upper || lower, true
	case "blank":
		return c == ' ' || c == '\t', true
	case "cntrl":
		return c < ' ' || c == 0x7f, true
	case "digit":
		return digit, true
	case "graph":
		return graph, true
	case "lower":
		return lower, true
	case "print":
		return graph || c == ' ', true
	case "punct":
		return graph && !upper && !lower && !digit, true
	case "space":
		return c == ' ' || c >= '\t' && c <= '\r', true
	case "upper":
		return upper, true
	case "xdigit":
		return digit || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F', true
	}
	return false, false
}
