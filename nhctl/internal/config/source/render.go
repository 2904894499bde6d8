package source

import (
	"errors"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A config's text is rendered before it is parsed, as Nocalhost does it: variables of the environment and included
// files are put in as text. Each place of the result remembers where it was written.

// MaxSize limits a file and a rendered config, in bytes.
const MaxSize = 2 << 20

// maxDepth limits files inside each other.
const maxDepth = 20

// span is a piece of rendered text, up to the next span.
type span struct {
	line, column int // in the rendered text
	from         Position
	literal      bool // as written, so that places inside it can be told apart
}

// renderer renders one document.
type renderer struct {
	env    func(string) (string, bool)
	read   func(string) ([]byte, error)
	report func(x Finding, at Position, length int, format string, args ...any)

	out          strings.Builder
	line, column int
	spans        []span
}

var (
	variable = regexp.MustCompile(`^\$([A-Za-z_][A-Za-z0-9_]*)`)
	braced   = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-?+=])([^{}]*))?\}`)
	include  = regexp.MustCompile(`^` + includes.String())
	includes = regexp.MustCompile(`\$\{_INCLUDE_:-\s*([^|}]+?)\s*(?:\|\s*n?indent\s+(\d+)\s*)?\}`)
)

func newRenderer() *renderer { return &renderer{line: 1, column: 1} }

// render puts a file's text into the result. chain names the files that include it, outermost first; indent is put
// before each line, the first one only when it is fresh.
func (r *renderer) render(file, text string, chain []string, indent int, fresh bool) {
	chain = append(slices.Clone(chain), file)
	at := Start(file)
	comment := false
	for first, rest := true, text; rest != ""; fresh = true {
		if plain := plainLines(rest); first && indent == 0 && plain != "" {
			r.put(at, plain, true)
			at.Line += strings.Count(plain, "\n")
			rest = rest[len(plain):]
			continue
		}
		if first && fresh && indent > 0 && rest[0] != '\n' {
			r.put(at, strings.Repeat(" ", indent), false)
		}
		if first {
			line, _, _ := strings.Cut(rest, "\n")
			comment = strings.HasPrefix(strings.TrimSpace(line), "#")
		}
		n := strings.IndexAny(rest, "$\n")
		switch {
		case n < 0:
			n = len(rest)
			r.put(at, rest, true)
		case rest[n] == '\n' || comment:
			if end := strings.IndexByte(rest, '\n'); end >= 0 {
				n = end + 1
			} else {
				n = len(rest)
			}
			r.put(at, rest[:n], true)
		default:
			r.put(at, rest[:n], true)
			at.Column += utf8.RuneCountInString(rest[:n])
			rest, first = rest[n:], false
			n = r.dollar(at, rest, chain, indent)
		}
		first = strings.HasSuffix(rest[:n], "\n")
		at.Column += utf8.RuneCountInString(rest[:n])
		if first {
			at.Line, at.Column = at.Line+1, 1
		}
		rest = rest[n:]
		if r.out.Len() > MaxSize {
			r.report(Finding{Severity: Error, Code: BadValue}, at, 1,
				"the config with all that it includes is larger than %d bytes", MaxSize)
			return
		}
	}
}

// plainLines are the whole lines that a text begins with before the first one with a dollar sign.
func plainLines(text string) string {
	if n := strings.IndexByte(text, '$'); n >= 0 {
		text = text[:n]
	}
	return text[:strings.LastIndexByte(text, '\n')+1]
}

// put adds text to the result.
func (r *renderer) put(from Position, text string, literal bool) {
	if text == "" {
		return
	}
	if !literal || !r.goesOn(from) {
		r.spans = append(r.spans, span{r.line, r.column, from, literal})
	}
	r.out.WriteString(text)
	if last := strings.LastIndexByte(text, '\n'); last >= 0 {
		r.line += strings.Count(text, "\n")
		r.column = 1
		text = text[last+1:]
	}
	r.column += utf8.RuneCountInString(text)
}

// goesOn says whether literal text from a place is where the last span says that it is: most files are one span.
func (r *renderer) goesOn(from Position) bool {
	if len(r.spans) == 0 || !r.spans[len(r.spans)-1].literal {
		return false
	}
	return r.origin(r.line, r.column) == from
}

// dollar handles a text that begins with a dollar sign, and returns how much of it is done.
func (r *renderer) dollar(at Position, text string, chain []string, indent int) int {
	if strings.HasPrefix(text, "$$") {
		r.put(at, "$", false)
		return 2
	}
	if m := include.FindStringSubmatch(text); m != nil {
		r.include(at, m[1], m[2], chain, indent)
		return len(m[0])
	}
	if m := braced.FindStringSubmatch(text); m != nil {
		r.put(at, r.value(at, m[0], m[1], m[2], m[3]), false)
		return len(m[0])
	}
	if m := variable.FindStringSubmatch(text); m != nil {
		value, set := r.env(m[1])
		if !set {
			r.report(Finding{Severity: Warning, Code: Variable, Suggestion: "$" + m[0]}, at, len(m[0]),
				"%s is not set on this computer, so nothing stands here; write $%s for the container's shell to see "+
					"it, or ${%s:-} to mean nothing", m[0], m[0], m[1])
		}
		r.put(at, value, false)
		return len(m[0])
	}
	if strings.HasPrefix(text, "${") {
		r.report(Finding{Severity: Error, Code: Variable, Suggestion: "$${"}, at, 2,
			"want ${NAME}, ${NAME:-default}, ${NAME:?message} or ${_INCLUDE_:- ./file.yaml | nindent 2}; write $${ "+
				"for the container's shell to see it")
	}
	r.put(at, "$", true)
	return 1
}

// value is what ${name operator operand} stands for, as in a shell: a colon counts an empty variable as one that is not
// set.
func (r *renderer) value(at Position, text, name, operator, operand string) string {
	value, set := r.env(name)
	given := set && (value != "" || !strings.HasPrefix(operator, ":"))
	switch strings.TrimPrefix(operator, ":") {
	case "-", "=":
		if !given {
			return operand
		}
	case "+":
		if !given {
			return ""
		}
		return operand
	case "?":
		if !given {
			if operand == "" {
				operand = "it must be set"
			}
			r.report(Finding{Severity: Error, Code: Variable}, at, len(text), "%s: %s", name, operand)
		}
	default:
		if !set {
			r.report(Finding{Severity: Warning, Code: Variable, Suggestion: "${" + name + ":-}"}, at, len(text),
				"%s is not set, so nothing stands here; write ${%s:-} to mean that", name, name)
		}
	}
	return value
}

// include puts in another file, by a path relative to the file that names it. With a nindent it begins on a line of its
// own; around is the indent of the file that names it.
func (r *renderer) include(at Position, path, nindent string, chain []string, around int) {
	path = relativeTo(at.File, path)
	names := strings.Join(append(slices.Clone(chain), path), " -> ")
	switch {
	case slices.Contains(chain, path):
		r.report(Finding{Severity: Error, Code: Unreadable}, at, 2, "the files include each other: %s", names)
		return
	case len(chain) >= maxDepth:
		r.report(Finding{Severity: Error, Code: Unreadable}, at, 2, "more than %d files inside each other: %s",
			maxDepth, names)
		return
	}
	data, err := r.read(path)
	if err != nil {
		why := err.Error()
		if errors.Is(err, fs.ErrNotExist) {
			why = "there is no such file"
		}
		r.report(UnreadableFile(err), at, 2, "include %s: %s", names, why)
		return
	}
	if nindent != "" {
		width, _ := strconv.Atoi(nindent) // digits by the pattern
		around += min(width, 100)
		r.put(at, "\n", false)
	}
	r.render(path, strings.TrimSuffix(string(data), "\n"), chain, around, nindent != "")
}

// relativeTo is a path that a file names.
func relativeTo(file, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(file), filepath.FromSlash(path))
}

// Include is a place of a file's text that names another file to put in.
type Include struct {
	// Path is the other file.
	Path string
	// Start and End are the place, in bytes.
	Start, End int
}

// Includes are those of a file's text, comments included.
func Includes(file, text string) (all []Include) {
	if !strings.Contains(text, "_INCLUDE_") {
		return nil
	}
	for _, m := range includes.FindAllStringSubmatchIndex(text, -1) {
		all = append(all, Include{Path: relativeTo(file, text[m[2]:m[3]]), Start: m[0], End: m[1]})
	}
	return all
}

// origin says where a place of the rendered text was written.
func (r *renderer) origin(line, column int) Position {
	i, found := slices.BinarySearchFunc(r.spans, Position{Line: line, Column: column}, func(s span, p Position) int {
		if s.line != p.Line {
			return s.line - p.Line
		}
		return s.column - p.Column
	})
	if !found {
		i--
	}
	if i < 0 {
		return Position{Line: line, Column: column}
	}
	s := r.spans[i]
	at := s.from
	switch {
	case !s.literal:
	case line == s.line:
		at.Column += column - s.column
	default:
		at.Line, at.Column = at.Line+line-s.line, column
	}
	return at
}
