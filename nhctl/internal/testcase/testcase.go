// Package testcase finds the tests in a file of sources, and says how to run them. It knows languages, and nothing of
// sessions, containers or debuggers.
package testcase

import (
	"path"
	"regexp"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// Case is a test in a file.
type Case struct {
	// Name is what the language's test runner calls it: "TestPrice", "PriceTest::test_rounds".
	Name string
	// Line and End are its first and last line, counted from 1.
	Line, End int
}

// The languages whose tests are found, as in the config.
const (
	Go     = "go"
	Python = "python"
)

// Find finds the tests of a file by its name and its text, in their order. A text that is half typed has those that can
// be seen.
func Find(file string, text []byte) []Case {
	switch language(file) {
	case Go:
		return goCases(text)
	case Python:
		return pythonCases(text)
	}
	return nil
}

// language is that of a file of tests; empty where it is none.
func language(file string) string {
	switch name := path.Base(file); {
	case strings.HasSuffix(name, "_test.go"):
		return Go
	case strings.HasSuffix(name, ".py") && (strings.HasPrefix(name, "test") || strings.HasSuffix(name, "_test.py")):
		return Python
	}
	return ""
}

// Selection are tests of one file, which are run together.
type Selection struct {
	Language string
	// File is its path below the sources, with slashes.
	File  string
	Cases []Case
	// Plain says that Python's own unittest runs them, without pytest.
	Plain bool
}

// Select selects the test at a line of a file, or with line 0 all tests of the file.
func Select(file string, text []byte, line int) (Selection, error) {
	s := Selection{Language: language(file), File: file}
	if s.Language == "" {
		return s, problem.New(problem.Usage, "nhctl knows no tests in %s", file).
			WithHint("it finds those of Go (*_test.go) and of Python (test*.py, *_test.py); " +
				"run others by their command: nhctl dev test -- COMMAND")
	}
	for _, c := range Find(file, text) {
		if line == 0 || c.Line <= line && line <= c.End {
			s.Cases = append(s.Cases, c)
		}
	}
	switch {
	case len(s.Cases) > 0:
	case line == 0:
		return s, problem.New(problem.NotFound, "there is no test in %s", file)
	default:
		return s, problem.New(problem.NotFound, "there is no test at line %d of %s", line, file).
			WithHint("name a line inside of one, or leave it out for all tests of the file")
	}
	s.Plain = s.Language == Python && plain(text)
	return s, nil
}

// Dir is the folder below the sources where the tests are run: Go wants that of the package.
func (s Selection) Dir() string {
	if s.Language == Go {
		return path.Dir(s.File)
	}
	return "."
}

// Command runs the tests.
func (s Selection) Command() []string {
	switch {
	case s.Language == Go:
		return []string{"go", "test", "-count=1", "-v", "-run", s.pattern(), "."}
	case s.Plain:
		argv := []string{"python3", "-m", "unittest", "-v"}
		for _, c := range s.Cases {
			argv = append(argv, "-k", "*."+strings.ReplaceAll(c.Name, "::", "."))
		}
		return append(argv, s.File)
	}
	argv := []string{"python3", "-m", "pytest", "-v"}
	for _, c := range s.Cases {
		argv = append(argv, s.File+"::"+c.Name)
	}
	return argv
}

// GoArguments are those of a compiled test program of Go's.
func (s Selection) GoArguments() []string {
	return []string{"-test.v", "-test.count=1", "-test.run=" + s.pattern()}
}

// pattern is the regular expression for the tests' names.
func (s Selection) pattern() string {
	names := make([]string, len(s.Cases))
	for i, c := range s.Cases {
		names[i] = regexp.QuoteMeta(c.Name)
	}
	if len(names) == 1 {
		return "^" + names[0] + "$"
	}
	return "^(" + strings.Join(names, "|") + ")$"
}
