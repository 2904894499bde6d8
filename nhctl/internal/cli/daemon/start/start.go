// Package start is `nhctl daemon start`.
package start

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
)

// Options are the command's flags and arguments.
type Options struct {
	Foreground bool
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:     "start",
		Short:   "Start the daemon that keeps your sessions (other commands do it by themselves)",
		Example: `  nhctl daemon start`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), f, o)
		},
	}
	cmd.Flags().BoolVar(&o.Foreground, "foreground", false, "be the daemon, instead of starting one")
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	dirs, err := f.Dirs()
	if err != nil {
		return err
	}
	if o.Foreground {
		return f.Serve(ctx, dirs)
	}
	c, err := f.Daemon(ctx)
	if err != nil {
		return err
	}
	c.Close()
	fmt.Fprintln(f.Err(), "the daemon runs")
	return nil
}
