// Package explain is `nhctl dev sync explain`.
package explain

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/sidecar/filesync/ignore"
)

// Options are the command's flags and arguments.
type Options struct {
	Target factory.Target
	Paths  []string
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "explain PATH...",
		Short: "Say why a path is synced or not: the rule, its file and line",
		Example: `  nhctl dev sync explain node_modules/react/index.js
  nhctl dev sync explain *.log`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Paths = args
			return run(cmd.Context(), f, o)
		},
	}
	o.Target.AddFolderFlags(cmd)
	o.Target.AddWorkloadFlag(cmd, f)
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	reasons := []ignore.Reason{}
	for _, path := range o.Paths {
		var r ignore.Reason
		if err := f.Call(ctx, rpc.MethodSyncExplain, rpc.SyncPath{Target: o.Target.RPC(f), Path: path},
			&r); err != nil {
			return err
		}
		reasons = append(reasons, r)
	}
	if f.JSON() {
		return f.Printer().Document(reasons)
	}
	for _, r := range reasons {
		fmt.Fprintf(f.Out(), "%s: %s\n", r.Path, r.Text)
	}
	return nil
}
