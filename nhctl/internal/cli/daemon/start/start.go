// Package start is `nhctl daemon start`.
package start

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// Options are the command's flags and arguments.
type Options struct {
	Foreground bool
	LogLevel   string
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "start",
		Short: "Start the daemon that keeps your sessions (other commands do it by themselves)",
		Example: `  nhctl daemon start
  nhctl daemon start --log-level debug   # also one that runs already; nhctl daemon status names its log`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), f, o)
		},
	}
	cmd.Flags().BoolVar(&o.Foreground, "foreground", false, "be the daemon, instead of starting one")
	cmd.Flags().StringVar(&o.LogLevel, "log-level", "",
		"what the daemon logs until it ends: debug, info (the default), warn or error")
	_ = cmd.RegisterFlagCompletionFunc("log-level",
		cobra.FixedCompletions([]string{"debug", "info", "warn", "error"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.MarkFlagsMutuallyExclusive("foreground", "log-level")
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	dirs, err := f.Dirs()
	if err != nil {
		return err
	}
	if o.Foreground {
		fmt.Fprintln(f.Err(), "the daemon logs to", dirs.Log())
		return f.Serve(ctx, dirs)
	}
	c, err := f.Daemon(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if o.LogLevel != "" {
		if err := c.Call(ctx, rpc.MethodLogLevel, rpc.LogLevel{Level: o.LogLevel}, nil); err != nil {
			return err
		}
	}
	fmt.Fprintln(f.Err(), "the daemon runs")
	return nil
}
