package rpc

import (
	"strconv"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// Test says which tests are meant: all, as the sources suggest, or those of a file.
type Test struct {
	// File is one of the synced sources, as an absolute path of this computer; empty means all tests.
	File string `json:"file,omitempty"`
	// Line is one of the test that is meant, counted from 1; 0 means all tests of the file.
	Line int `json:"line,omitempty"`
}

// ParseTest reads FILE or FILE:LINE.
func ParseTest(place string) (Test, error) {
	file, number := place, ""
	if at := strings.LastIndexByte(place, ':'); at > 1 { // a drive of Windows has one, too
		file, number = place[:at], place[at+1:]
	}
	t := Test{File: file}
	if number == "" {
		return t, nil
	}
	var err error
	if t.Line, err = strconv.Atoi(number); err != nil || t.Line < 1 {
		return t, problem.New(problem.Usage, "%q is no line of %s", number, file).WithHint("want FILE or FILE:LINE")
	}
	return t, nil
}

// Tests asks for the tests in a file's text, which may not be saved yet.
type Tests struct {
	// File is the file's name, by which its language is known.
	File string `json:"file"`
	Text string `json:"text"`
}

// TestCase is a test in a file.
type TestCase struct {
	// Name is what the language's test runner calls it: "TestPrice", "PriceTest::test_rounds".
	Name string `json:"name"`
	// Line and End are its first and last line, counted from 1.
	Line int `json:"line"`
	End  int `json:"end"`
}
