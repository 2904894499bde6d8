package publicimage

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// version has up to three numbers; missing ones are 0.
type version [3]int

func compare(v, w version) int { return slices.Compare(v[:], w[:]) }

// next is the first version behind all that begin with n numbers of v.
func (v version) next(n int) version {
	if n == 0 {
		return version{math.MaxInt}
	}
	var w version
	copy(w[:n], v[:n])
	w[n-1]++
	return w
}

// text is the first n numbers.
func (v version) text(n int) string {
	var numbers []string
	for _, number := range v[:n] {
		numbers = append(numbers, strconv.Itoa(number))
	}
	return strings.Join(numbers, ".")
}

// span has the versions from one until before another. The beginning was written with n numbers, 0 for one that no one
// wrote.
type span struct {
	from, until version
	n           int
}

// everything is the span without an end.
func everything() span { return span{until: version{}.next(0)} }

func (s span) empty() bool { return compare(s.from, s.until) >= 0 }

// both is what two spans have in common.
func (s span) both(t span) span {
	if compare(s.from, t.from) < 0 {
		s.from, s.n = t.from, t.n
	}
	if compare(t.until, s.until) < 0 {
		s.until = t.until
	}
	return s
}

// newest says whether the newest version of a line is in the span.
func (s span) newest(line span) bool {
	return compare(s.from, line.until) < 0 && compare(line.until, s.until) <= 0
}

// solve makes a tag of a version or a range of them, in the notation of npm, Composer, Poetry, Python or RubyGems: the
// first line whose newest version is in the range, or else the lowest version that the range names.
func solve(text string, lines []string) (tag string, ok bool) {
	var spans []span
	for alternative := range strings.SplitSeq(strings.ReplaceAll(text, "||", "|"), "|") {
		s, ok := conjunction(strings.TrimSpace(alternative))
		if !ok {
			return "", false
		}
		if !s.empty() {
			spans = append(spans, s)
		}
	}
	for _, line := range lines {
		whole, _ := conjunction(line)
		if slices.ContainsFunc(spans, func(s span) bool { return s.newest(whole) }) {
			return line, true
		}
	}
	for _, s := range spans {
		if s.n == 0 {
			continue
		}
		for n := min(s.n, strings.Count(lines[0], ".")+1); n < s.n; n++ { // a line that is none of those known
			if s.newest(span{from: s.from, until: s.from.next(n)}) {
				return s.from.text(n), true
			}
		}
		return s.from.text(s.n), true
	}
	return "", false
}

const (
	number   = `v?(?:\d{1,4}(?:\.(?:\d{1,4}|[xX*])){0,2}|[xX*])`
	operator = `(?:~>|~=|>=|<=|===|==|!=|[\^~=<>])?`
)

var (
	comparators = regexp.MustCompile(`^` + operator + `\s*` + number + `(?:[\s,]+` + operator + `\s*` + number + `)*$`)
	comparator  = regexp.MustCompile(`(` + operator + `)\s*(` + number + `)`)
	hyphened    = regexp.MustCompile(`^(` + number + `)\s+-\s+(` + number + `)$`)
)

// conjunction is what all comparators of a text have in common.
func conjunction(text string) (span, bool) {
	if m := hyphened.FindStringSubmatch(text); m != nil {
		text = ">=" + m[1] + " <=" + m[2]
	}
	if !comparators.MatchString(text) {
		return span{}, false
	}
	all := everything()
	for _, m := range comparator.FindAllStringSubmatch(text, -1) {
		all = all.both(compared(m[1], m[2]))
	}
	return all, true
}

// compared are the versions that an operator and a version mean. An exception (!=) is left out: it is of a version that
// is not the newest of its line.
func compared(operator, text string) span {
	var v version
	n := 0
	for part := range strings.SplitSeq(strings.TrimPrefix(text, "v"), ".") {
		value, err := strconv.Atoi(part)
		if err != nil { // any
			break
		}
		v[n] = value
		n++
	}
	s := everything()
	switch {
	case n == 0 || operator == "!=":
		return s
	case operator == "<":
		s.until = v
		return s
	case operator == "<=":
		s.until = v.next(n)
		return s
	}
	s.from, s.n = v, n
	switch operator {
	case ">":
		s.from = v.next(n)
	case ">=":
	case "^":
		s.until = v.next(1)
	case "~":
		s.until = v.next(min(n, 2))
	case "~>", "~=":
		s.until = v.next(max(n-1, 1))
	default:
		s.until = v.next(n)
	}
	return s
}
