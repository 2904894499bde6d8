// Package test is `nhctl dev test`.
package test

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/terminal"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// Options are the command's flags and arguments.
type Options struct {
	Target   factory.Target
	Terminal terminal.Options
	Argv     []string
	At       string
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := o.Target.OwnCommand(f, &cobra.Command{
		Use:   "test [WORKLOAD] [-- COMMAND ARGS...]",
		Short: "Run tests in the dev container, next to the service",
		Long: `Run tests in the dev container, next to the service, once everything that was saved before is there: all
of them, as the sources suggest, or COMMAND. With --at, run the test at a line of a file, such as the one at the cursor
of an editor, or all tests of a file; nhctl finds those of Go and Python. The exit code is that of the tests.`,
		Example: `  nhctl dev test
  nhctl dev test --at cart_test.go:12
  nhctl dev test -- go test -race ./...`,
	}, &o.Argv, func(ctx context.Context) error { return run(ctx, f, o) })
	cmd.Flags().StringVar(&o.At, "at", "", "FILE or FILE:LINE of this computer with the tests to run")
	cmd.Flags().BoolVarP(&o.Terminal.TTY, "tty", "t", true, "give the tests a terminal, where there is one here")
	factory.AddLocalPathsFlag(cmd, &o.Terminal.LocalPaths)
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	if len(o.Argv) > 0 && o.At != "" {
		return problem.New(problem.Usage, "--at chooses the command by itself").
			WithHint("leave out one of --at and the command behind --")
	}
	target := o.Target.RPC(f)
	if len(o.Argv) > 0 {
		return terminal.Once(ctx, f, target, o.Terminal, o.Argv)
	}
	if o.At == "" {
		return terminal.Test(ctx, f, target, o.Terminal, rpc.Test{})
	}
	test, err := rpc.ParseTest(o.At)
	if err != nil {
		return err
	}
	test.File = f.Absolute(test.File)
	return terminal.Test(ctx, f, target, o.Terminal, test)
}
