// Package exec is `nhctl dev exec`.
package exec

import (
	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/terminal"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	target, options := factory.Target{}, terminal.Options{}
	cmd := &cobra.Command{
		Use:   "exec [WORKLOAD] -- COMMAND ARGS...",
		Short: "Run a command in the dev container, in the folder of the sources",
		Long: `Run a command in the dev container, in the folder of the sources. Standard input, Ctrl-C and SIGTERM are
passed on, and the exit code is the command's. It has a terminal where standard input and output are one (--tty=false:
pipes all the same). A lost connection does not end it; when nhctl ends before it, it is hung up.`,
		Example: `  nhctl dev exec -- go test ./...
  nhctl dev exec -- vim main.go
  tar c data | nhctl dev exec -- tar x`,
		ValidArgsFunction: f.CompleteWorkloads,
		RunE: func(cmd *cobra.Command, args []string) error {
			dash := cmd.ArgsLenAtDash()
			if dash < 0 || dash == len(args) || dash > 1 {
				return problem.New(problem.Usage, "no command to run").
					WithHint("put it behind --, such as: nhctl dev exec -- ls")
			}
			target.SetWorkload(args[:dash])
			return terminal.Exec(cmd.Context(), f, target.RPC(f), options, args[dash:])
		},
	}
	target.AddFlags(cmd)
	cmd.Flags().BoolVarP(&options.TTY, "tty", "t", true, "give the command a terminal, where there is one here")
	factory.AddLocalPathsFlag(cmd, &options.LocalPaths)
	return cmd
}
