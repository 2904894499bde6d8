package testcase

import (
	_ "embed"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// goFile has tests and what looks like them; as a Go file of its own it would be one of this package's.
//
//go:embed testdata/cart.go.txt
var goFile string

const pythonFile = `import pytest

def helper():
    def test_inside():
        pass

def test_price():
    """says
def test_in_text():
"""
    def test_nested(): pass

    assert price(1) == 1

async def test_slow(): # a comment

    await nothing()
# the end


class TestCart:
    x = 1

    @pytest.mark.slow
    def test_empty(self):
        assert True

    class TestFull:
        def test_full(self):
            pass

    def test_last(self):
        pass

class Helper:
    def test_none(self): pass

class CartCase(unittest.TestCase):
    def test_it(self):
        pass
`

func TestFind(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		file, text string
		want       []Case
	}{
		"go": {"cart_test.go", goFile, []Case{
			{"TestPrice", 6, 8},
			{"Test", 12, 12},
			{"FuzzPrice", 13, 13},
			{"ExamplePrice", 14, 14},
			{"TestBroken", 19, 20},
		}},
		"python": {"tests/test_cart.py", pythonFile, []Case{
			{"test_price", 7, 13},
			{"test_slow", 15, 17},
			{"TestCart::test_empty", 25, 26},
			{"TestCart::TestFull::test_full", 29, 30},
			{"TestCart::test_last", 32, 33},
			{"CartCase::test_it", 39, 40},
		}},
		"no tests":         {"cart.go", goFile, nil},
		"no tests, python": {"cart.py", pythonFile, nil},
		"another language": {"cart.test.js", "test('x')", nil},
		"no Go at all":     {"x_test.go", "\x00\x01", nil},
		"an empty file":    {"test_x.py", "", nil},
		"an open quote":    {"test_x.py", "def test_a():\n  '''x\n", []Case{{"test_a", 1, 2}}},
		"lines of windows": {"x_test.py", "def test_a():\r\n\tpass\r\n\r\n", []Case{{"test_a", 1, 2}}},
		"one after another": {"x_test.py", "def test_a(): pass\ndef test_b(): pass", []Case{
			{"test_a", 1, 1},
			{"test_b", 2, 2},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, Find(tt.file, []byte(tt.text))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

const unittestFile = `import unittest

class Cart(unittest.TestCase):
    def test_a(self):
        pass
    def test_b(self):
        pass
`

func TestSelect(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		file, text   string
		line         int
		dir, command string
		problem      problem.Code
	}{
		"a test of Go's": {
			file: "cmd/web/cart_test.go", text: goFile, line: 7,
			dir: "cmd/web", command: "go test -count=1 -v -run ^TestPrice$ .",
		},
		"a file of Go's": {
			file: "cart_test.go", text: "package x\nfunc TestA(t *T) {}\nfunc TestB(t *T) {}\n",
			dir: ".", command: "go test -count=1 -v -run ^(TestA|TestB)$ .",
		},
		"a test of pytest's": {
			file: "tests/test_cart.py", text: pythonFile, line: 26,
			dir: ".", command: "python3 -m pytest -v tests/test_cart.py::TestCart::test_empty",
		},
		"a class for pytest": {
			file: "test_cart.py", text: "class TestA:\n  def test_b(self): pass\n", line: 2,
			dir: ".", command: "python3 -m pytest -v test_cart.py::TestA::test_b",
		},
		"a test of unittest's": {
			file: "tests/test_cart.py", text: unittestFile, line: 5,
			dir: ".", command: "python3 -m unittest -v -k *.Cart.test_a tests/test_cart.py",
		},
		"a file of unittest's": {
			file: "test_cart.py", text: unittestFile,
			dir: ".", command: "python3 -m unittest -v -k *.Cart.test_a -k *.Cart.test_b test_cart.py",
		},
		"between two tests": {file: "cart_test.go", text: goFile, line: 4, problem: problem.NotFound},
		"a file without":    {file: "cart_test.go", text: "package x\n", problem: problem.NotFound},
		"not a test file":   {file: "cart.go", text: goFile, line: 7, problem: problem.Usage},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := Select(tt.file, []byte(tt.text), tt.line)
			if tt.problem != "" {
				if p := problem.From(err); err == nil || p.Code != tt.problem {
					t.Errorf("got %v, want a problem %s", err, tt.problem)
				}
				return
			}
			got := [2]string{s.Dir(), strings.Join(s.Command(), " ")}
			if diff := cmp.Diff([2]string{tt.dir, tt.command}, got); diff != "" || err != nil {
				t.Error(err, diff)
			}
		})
	}
}

func TestGoArguments(t *testing.T) {
	t.Parallel()
	s := Selection{Language: Go, Cases: []Case{{Name: "TestA"}}}
	if diff := cmp.Diff([]string{"-test.v", "-test.count=1", "-test.run=^TestA$"}, s.GoArguments()); diff != "" {
		t.Error(diff)
	}
}
