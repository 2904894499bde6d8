// Package restart is `nhctl dev restart`.
package restart

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
	cmd := o.Target.Command(f, &cobra.Command{
		Use:   "restart [WORKLOAD]",
		Short: "Build and start the service's program again",
		Long: `Build the service and start its last program again: the run command, the debug command, or a command of
your own. nhctl reads the config again.`,
		Example: `  nhctl dev restart`,
	}, func(ctx context.Context) error { return run(ctx, f, o) })
	o.Target.AddFlags(cmd)
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	var c event.CommandData
	if err := f.Call(ctx, rpc.MethodRestart, o.Target.RPC(f), &c); err != nil {
		return err
	}
	return f.Printer().Result(c, func(w io.Writer) {
		fmt.Fprintf(w, "running: %s (process %d in the container)\n", ui.CommandLine(c.Argv), c.PID)
	})
}
