package testcase

import (
	"bytes"
	"regexp"
	"strings"
)

var (
	pythonClass = regexp.MustCompile(`^(\s*)class\s+(\w+)\s*(?:\(([^)]*)\)?)?`)
	pythonTest  = regexp.MustCompile(`^(\s*)(?:async\s+)?def\s+(test\w*)\s*\(`)
	pythonQuote = regexp.MustCompile(`"""|'''`)
	importsMore = regexp.MustCompile(`(?m)^\s*(?:import|from)\s+pytest\b`)
)

// block is a class or a test, whose lines are deeper than its first one.
type block struct {
	indent int
	name   string
	// tests says that functions directly below it can be tests; none, as inside of a test, are.
	tests bool
	at    int // its place among the cases; -1 for a class
}

// pythonCases are the functions that pytest and unittest run by their usual names: test functions, and those of classes
// that are called Test..., or derive from a TestCase.
func pythonCases(text []byte) []Case {
	var all []Case
	var open []block
	quote := ""
	last := 0 // the last line that is not empty
	number := 0
	for line := range bytes.Lines(text) {
		number++
		s := strings.TrimRight(string(line), "\r\n\t ")
		inside := quote != ""
		quote = quoted(s, quote)
		if inside || strings.TrimLeft(s, " \t") == "" || strings.HasPrefix(strings.TrimLeft(s, " \t"), "#") {
			if inside {
				last = number
			}
			continue
		}
		open = closed(open, all, indent(s), last)
		last = number
		tests := len(open) == 0 || open[len(open)-1].tests
		if m := pythonClass.FindStringSubmatch(s); m != nil {
			named := strings.HasPrefix(m[2], "Test") || strings.Contains(m[3], "TestCase")
			open = append(open, block{indent: indent(s), name: m[2], tests: tests && named, at: -1})
		} else if m := pythonTest.FindStringSubmatch(s); m != nil && tests {
			all = append(all, Case{Name: qualified(open, m[2]), Line: number})
			open = append(open, block{indent: indent(s), at: len(all) - 1})
		} else if strings.HasPrefix(strings.TrimLeft(s, " \t"), "def ") {
			open = append(open, block{indent: indent(s), at: -1})
		}
	}
	closed(open, all, 0, last)
	return all
}

// closed ends the blocks that a line with an indentation is no part of, at the last line before it.
func closed(open []block, all []Case, indent, last int) []block {
	for n := len(open); n > 0 && open[n-1].indent >= indent; n-- {
		if at := open[n-1].at; at >= 0 {
			all[at].End = last
		}
		open = open[:n-1]
	}
	return open
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }

// quoted is the triple quote that is open after a line.
func quoted(line, open string) string {
	for _, q := range pythonQuote.FindAllString(line, -1) {
		switch open {
		case "":
			open = q
		case q:
			open = ""
		}
	}
	return open
}

func qualified(open []block, name string) string {
	var names []string
	for _, b := range open {
		names = append(names, b.name)
	}
	return strings.Join(append(names, name), "::")
}

// plain says that a file needs no pytest: it has unittest's classes alone.
func plain(text []byte) bool {
	if importsMore.Match(text) {
		return false
	}
	for _, c := range pythonCases(text) {
		if !strings.Contains(c.Name, "::") {
			return false
		}
	}
	return bytes.Contains(text, []byte("unittest"))
}
