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
	Target factory.Target
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:               "stop [WORKLOAD]",
		Short:             "Stop the run command",
		Example:           `  nhctl dev stop`,
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
	var c event.CommandData
	if err := f.Call(ctx, rpc.MethodStop, o.Target.RPC(f), &c); err != nil {
		return err
	}
	return f.Printer().Result(c, func(w io.Writer) { fmt.Fprintln(w, "run:", ui.Command(c)) })
}
