package debugger

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/testcase"
)

// Tests are started under their debugger in the way of their language.
func TestTest(t *testing.T) {
	t.Parallel()
	for file, tt := range map[string]struct{ text, want string }{
		"cart_test.go": {
			"package x\nfunc TestA(t *testing.T) {}\n",
			"dlv test --headless --listen=127.0.0.1:2345 --api-version=2 --accept-multiclient " +
				"--output=/tmp/nhctl-debug-test-2345 . -- -test.v -test.count=1 -test.run=^TestA$",
		},
		"test_cart.py": {
			"def test_a():\n  pass\n",
			"/.nhctl/bin/sidecar debug -language python -listen 127.0.0.1:2345 -wait -- " +
				"python3 -m pytest -v test_cart.py::test_a",
		},
	} {
		s, err := testcase.Select(file, []byte(tt.text), 2)
		if diff := cmp.Diff(tt.want, strings.Join(Test(s, 2345), " ")); diff != "" || err != nil {
			t.Error(file, err, diff)
		}
	}
}
