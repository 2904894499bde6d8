// Package stop is `nhctl dev stop`.
package stop

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

// Options are the command's flags and arguments.
type Options struct {
	Target  factory.Target
	Command string
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "stop [WORKLOAD] [build|run|debug]",
		Short: "Stop the service's program, or a build",
		Long: "Stop the service's program, under a debugger or not, or the named command, with every process that " +
			"it started.",
		Example: `  nhctl dev stop
  nhctl dev stop build`,
		ValidArgsFunction: f.CompleteWorkloads,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.Command, err = o.Target.SetWorkloadAndCommand(cmd, args); err != nil {
				return err
			}
			return run(cmd.Context(), f, o)
		},
	}
	o.Target.AddFlags(cmd)
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	var c event.CommandData
	if err := f.Call(ctx, rpc.MethodStop, rpc.Stop{Target: o.Target.RPC(f), Command: o.Command}, &c); err != nil {
		return err
	}
	return f.Printer().Result(c, func(w io.Writer) { fmt.Fprintln(w, c.Name+":", ui.Command(c)) })
}
