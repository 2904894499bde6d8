package rpc

import (
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

func TestParseTest(t *testing.T) {
	t.Parallel()
	for place, want := range map[string]Test{
		"a_test.go":          {File: "a_test.go"},
		"a_test.go:":         {File: "a_test.go"},
		"/w/a_test.go:12":    {File: "/w/a_test.go", Line: 12},
		`C:\w\a_test.go`:     {File: `C:\w\a_test.go`},
		`C:\w\a_test.go:3`:   {File: `C:\w\a_test.go`, Line: 3},
		"/w/a:b/test_a.py:1": {File: "/w/a:b/test_a.py", Line: 1},
	} {
		if got, err := ParseTest(place); got != want || err != nil {
			t.Errorf("%s: %+v, %v", place, got, err)
		}
	}
	for _, place := range []string{"a_test.go:x", "a_test.go:0", "a_test.go:-1"} {
		if _, err := ParseTest(place); problem.From(err).Code != problem.Usage {
			t.Errorf("%s: %v", place, err)
		}
	}
}
