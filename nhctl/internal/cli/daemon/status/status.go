// Package status is `nhctl daemon status`.
package status

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/client"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

// Options are the command's flags and arguments.
type Options struct {
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Show the daemon that keeps your sessions",
		Example: `  nhctl daemon status`,
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
		return err
	}
	defer c.Close()
	var d rpc.Daemon
	if err := c.Call(ctx, rpc.MethodDaemon, nil, &d); err != nil {
		return err
	}
	if f.JSON() {
		return f.Printer().Document(d)
	}
	return ui.Table(f.Out(), []string{"process", fmt.Sprint(d.PID)}, []string{"version", d.Version},
		[]string{"up for", ui.Age(d.Started)},
		[]string{"sessions", fmt.Sprint(len(d.Sessions))}, []string{"log", d.Log})
}
