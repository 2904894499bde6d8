// Package stop is `nhctl daemon stop`.
package stop

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/client"
)

// Options are the command's flags and arguments.
type Options struct {
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:     "stop",
		Short:   "Stop the daemon; sessions stay in the cluster, and the next command takes them up again",
		Example: `  nhctl daemon stop`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), f, o)
		},
	}
	return cmd
}

func run(ctx context.Context, f *factory.Factory, _ *Options) error {
	dirs, err := f.Dirs()
	if err != nil {
		return err
	}
	c, err := client.ConnectRunning(dirs)
	if err != nil {
		fmt.Fprintln(f.Err(), "no daemon runs")
		return nil
	}
	if err := c.Stop(ctx, dirs); err != nil {
		return err
	}
	fmt.Fprintln(f.Err(), "the daemon has stopped")
	return nil
}
