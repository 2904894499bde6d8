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
	Attach bool
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "terminal [WORKLOAD]",
		Short: "Open a shell in the dev container, in the folder of the sources",
		Long: `Open a shell in the dev container, in the folder of the sources: the config's dev.shell, or the first
of bash, zsh, ash and sh that the image has. It has the image's variables, and reads no profile of a login. It survives
a lost connection and a closed window: --attach returns to it, and shows its last output again. Leaving the shell does
not end dev mode.`,
		Example: `  nhctl dev terminal
  nhctl dev terminal --attach`,
		Args:              factory.OneWorkload,
		ValidArgsFunction: f.CompleteWorkloads,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Target.SetWorkload(args)
			return run(cmd.Context(), f, o)
		},
	}
	o.Target.AddFlags(cmd)
	cmd.Flags().BoolVar(&o.Attach, "attach", false,
		"take up the shell that was opened last, also from another terminal")
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	return terminal.Shell(ctx, f, o.Target.RPC(f), o.Attach)
}
