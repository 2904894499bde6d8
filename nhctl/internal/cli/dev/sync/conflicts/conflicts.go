// Package conflicts is `nhctl dev sync conflicts`.
package conflicts

import (
	"context"
	"fmt"

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
		Use:   "conflicts [WORKLOAD]",
		Short: "List files that both sides changed at once",
		Long: `List files that both sides changed before they heard of each other. The newer content is in place on both
sides; the other is kept outside of your sources until you decide with nhctl dev sync resolve.`,
		Example: `  nhctl dev sync conflicts`,
	}, func(ctx context.Context) error { return run(ctx, f, o) })
	o.Target.AddFolderFlags(cmd)
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	var found []rpc.SyncVersion
	if err := f.Call(ctx, rpc.MethodSyncVersions, rpc.SyncPath{Target: o.Target.RPC(f), Conflicts: true},
		&found); err != nil {
		return err
	}
	if f.JSON() {
		return f.Printer().Document(found)
	}
	if len(found) == 0 {
		fmt.Fprintln(f.Out(), "no conflicts")
		return nil
	}
	rows := [][]string{{"PATH", "LOST", "SIZE", "AGE"}}
	for _, v := range found {
		lost := "this computer's content"
		if v.Side == event.InPod {
			lost = "the container's content"
		}
		rows = append(rows, []string{v.Path, lost, ui.Bytes(v.Bytes), ui.Age(v.Time)})
	}
	if err := ui.Table(f.Out(), rows...); err != nil {
		return err
	}
	fmt.Fprintln(f.Out(), "\ndecide: nhctl dev sync resolve --local|--remote, or PATH to leave it as it is now")
	return nil
}
