// Package logs is `nhctl dev logs`.
package logs

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// Options are the command's flags and arguments.
type Options struct {
	Target factory.Target
	Follow bool
	Tail   int
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "logs [WORKLOAD]",
		Short: "Show what the run command printed",
		Example: `  nhctl dev logs
  nhctl dev logs -f --tail 20`,
		Args:              factory.OneWorkload,
		ValidArgsFunction: f.CompleteWorkloads,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Target.SetWorkload(args)
			return run(cmd.Context(), f, o)
		},
	}
	o.Target.AddFlags(cmd)
	cmd.Flags().BoolVarP(&o.Follow, "follow", "f", false, "go on with new lines, until Ctrl-C")
	cmd.Flags().IntVar(&o.Tail, "tail", 0, "only the last lines (default: all that are kept, 8 MB)")
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	return f.Call(ctx, rpc.MethodLogs, rpc.Logs{Target: o.Target.RPC(f), Follow: o.Follow, Tail: o.Tail}, nil)
}
