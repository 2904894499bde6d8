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
	Target     factory.Target
	Command    string
	Follow     bool
	Tail       int
	LocalPaths bool
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "logs [WORKLOAD] [build|run|debug]",
		Short: "Show what the service's program, or a build, printed",
		Example: `  nhctl dev logs
  nhctl dev logs -f --tail 20
  nhctl dev logs build`,
		ValidArgsFunction: f.CompleteWorkloads,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.Command, err = o.Target.SetWorkloadAndCommand(cmd, args); err != nil {
				return err
			}
			return run(cmd.Context(), f, o)
		},
	}
	o.Target.AddFlags(cmd)
	cmd.Flags().BoolVarP(&o.Follow, "follow", "f", false, "go on with new lines, until Ctrl-C")
	cmd.Flags().IntVar(&o.Tail, "tail", 0,
		"only the last lines (default: all that are kept, 8 MB with those of other commands)")
	factory.AddLocalPathsFlag(cmd, &o.LocalPaths)
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	params := rpc.Logs{
		Target:     o.Target.RPC(f),
		Command:    o.Command,
		Follow:     o.Follow,
		Tail:       o.Tail,
		LocalPaths: o.LocalPaths,
	}
	return f.Call(ctx, rpc.MethodLogs, params, nil)
}
