package devsession

import (
	"context"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/testcase"
)

// tests finds the tests in a text.
func tests(_ context.Context, p rpc.Tests) ([]rpc.TestCase, error) {
	all := []rpc.TestCase{}
	for _, c := range testcase.Find(p.File, []byte(p.Text)) {
		all = append(all, rpc.TestCase(c))
	}
	return all, nil
}
