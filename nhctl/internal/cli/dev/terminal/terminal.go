// Package terminal is `nhctl dev terminal`.
package terminal

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/terminal"
)

// Options are the command's flags and arguments.
type Options struct {
	Target factory.Target
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:               "terminal [WORKLOAD]",
		Short:             "Open a shell in the dev container, in the folder of the sources",
		Example:           `  nhctl dev terminal`,
		Args:              factory.OneWorkload,
		ValidArgsFunction: f.CompleteWorkloads,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Target.SetWorkload(args)
			return run(cmd.Context(), f, o)
		},
	}
	o.Target.AddFlags(cmd)
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	return terminal.Shell(ctx, f, o.Target.RPC(f))
}
