// Package build is `nhctl dev build`.
package build

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// Options are the command's flags and arguments.
type Options struct {
	Target     factory.Target
	Argv       []string
	LocalPaths bool
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := o.Target.OwnCommand(f, &cobra.Command{
		Use:   "build [WORKLOAD] [-- COMMAND ARGS...]",
		Short: "Build the service from the synced sources",
		Long: `Build the service from the synced sources: the config's command.build, or COMMAND. It prints the
output as it comes, and returns the command's exit code. A running program goes on.`,
		Example: `  nhctl dev build
  nhctl dev build -- go vet ./...`,
	}, &o.Argv, func(ctx context.Context) error { return run(ctx, f, o) })
	factory.AddLocalPathsFlag(cmd, &o.LocalPaths)
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	var c event.CommandData
	params := rpc.Run{Target: o.Target.RPC(f), Argv: o.Argv, LocalPaths: o.LocalPaths}
	if err := f.Call(ctx, rpc.MethodBuild, params, &c); err != nil {
		return err
	}
	return f.Printer().Result(c, func(w io.Writer) {
		if c.Started != nil && c.Finished != nil {
			fmt.Fprintf(w, "built in %s\n", c.Finished.Sub(*c.Started).Round(10*time.Millisecond))
		}
	})
}
