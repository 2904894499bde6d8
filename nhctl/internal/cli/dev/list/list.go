// Package list is `nhctl dev list`.
package list

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
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
		Use:   "list",
		Short: "List the sessions of the namespace, everybody's",
		Example: `  nhctl dev list
  nhctl dev list -n staging -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), f, o)
		},
	}
	return cmd
}

func run(ctx context.Context, f *factory.Factory, _ *Options) error {
	var sessions []rpc.Session
	if err := f.Call(ctx, rpc.MethodList, rpc.List{Caller: f.Caller()}, &sessions); err != nil {
		return err
	}
	if f.JSON() {
		return f.Printer().Document(sessions)
	}
	rows := [][]string{{"SESSION", "WORKLOAD", "MODE", "PHASE", "HOLDER", "SINCE", "HEARTBEAT"}}
	for _, s := range sessions {
		holder := s.Holder.Local
		if s.Mine {
			holder += " (you)"
		}
		rows = append(rows, []string{s.ID, s.Workload, string(s.Mode), s.Phase, holder, ui.Age(s.Since), ui.Age(s.Heartbeat)})
	}
	return ui.Table(f.Streams.Out, rows...)
}
