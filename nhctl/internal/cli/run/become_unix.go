//go:build unix

package run

import (
	"syscall"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// become replaces this process by a command. It returns only where that fails.
func become(file string, argv, env []string) error {
	err := syscall.Exec(file, argv, env)
	return problem.New(problem.Refused, "run %s: %w", argv[0], err).WithExit(exitNotExecutable)
}
