// Package wait is `nhctl dev sync wait`.
package wait

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

// Options are the command's flags and arguments.
type Options struct {
	Target  factory.Target
	Timeout time.Duration
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := o.Target.Command(f, &cobra.Command{
		Use:   "wait [WORKLOAD]",
		Short: "Wait until everything saved before is visible in the container",
		Long: `Wait until all earlier saves are visible in the container, and its changes are here. It fails at once
when sync is paused, or has stopped for a decision.`,
		Example: `  nhctl dev sync wait && nhctl dev exec -- go test ./...
  nhctl dev sync wait --timeout 10s`,
	}, func(ctx context.Context) error { return run(ctx, f, o) })
	o.Target.AddFolderFlags(cmd)
	cmd.Flags().DurationVar(&o.Timeout, "timeout", time.Minute, "how long to wait at most")
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	var folders []event.SyncData
	if err := f.Call(ctx, rpc.MethodSyncWait, rpc.SyncWait{Target: o.Target.RPC(f), Timeout: o.Timeout},
		&folders); err != nil {
		return err
	}
	return f.Printer().Result(folders, func(w io.Writer) {
		for _, s := range folders {
			fmt.Fprintf(w, "%s: %s\n", s.Folder, ui.Sync(s))
		}
	})
}
