// Package clean is `nhctl dev volumes clean`.
package clean

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// Options are the command's flags and arguments.
type Options struct {
	Target factory.Target
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	return o.Target.Command(f, &cobra.Command{
		Use:   "clean [WORKLOAD]",
		Short: "Delete your own volumes that outlive dev mode, of one workload or of all",
		Example: `  nhctl dev volumes clean deploy/web
  nhctl dev volumes clean`,
	}, func(ctx context.Context) error { return run(ctx, f, o) })
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	var deleted []rpc.Volume
	if err := f.Call(ctx, rpc.MethodClean, rpc.Volumes{Caller: f.Caller(), Workload: o.Target.Workload},
		&deleted); err != nil {
		return err
	}
	return f.Printer().Result(deleted, func(w io.Writer) {
		if len(deleted) == 0 {
			fmt.Fprintln(w, "you have no such volume in this namespace")
		}
		for _, v := range deleted {
			fmt.Fprintf(w, "deleted the volume of %s (%s, %s)\n", v.Path, v.Workload, v.Name)
		}
	})
}
