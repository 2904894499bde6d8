package run

import (
	"errors"
	"os"
	"os/exec"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// become runs a command, and ends as it does: no process can be replaced on this system. Both get the terminal's
// signals.
func become(file string, argv, env []string) error {
	cmd := exec.Command(file, argv[1:]...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return problem.Exit(exit.ExitCode())
	case err != nil:
		return problem.New(problem.Refused, "run %s: %w", argv[0], err).WithExit(exitNotExecutable)
	}
	return nil
}
