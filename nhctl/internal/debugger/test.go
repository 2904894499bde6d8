package debugger

import (
	"fmt"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/testcase"
)

// testBinary is where delve puts the tests that it builds: outside of the sources, which are synced. Tests that are
// debugged at the same time have ports of their own.
func testBinary(port int) string { return fmt.Sprintf("/tmp/nhctl-debug-test-%d", port) }

// Test is the command line that starts tests under their debugger on a port. They wait for a client.
func Test(s testcase.Selection, port int) []string {
	if s.Language == Go {
		argv := []string{Delve, "test", "--headless", fmt.Sprintf("--listen=127.0.0.1:%d", port), "--api-version=2",
			"--accept-multiclient", "--output=" + testBinary(port), ".", "--"}
		return append(argv, s.GoArguments()...)
	}
	dev := config.Dev{Command: config.Commands{Run: config.Command{Argv: s.Command()}}}
	return hooked(of(s.Language), Start{}, dev, Options{Port: port, Wait: true}).Argv
}
