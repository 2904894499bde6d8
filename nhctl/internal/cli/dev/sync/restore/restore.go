// Package restore is `nhctl dev sync restore`.
package restore

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

// Options are the command's flags and arguments.
type Options struct {
	Target factory.Target
	List   bool
	Path   string
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "restore [PATH]",
		Short: "Restore files that sync overwrote or deleted",
		Long: `Without a path: restore the files of a mass deletion that sync stopped for; without one, list the kept
versions. With a path: restore the newest kept version of that file, or of all files below that folder, and keep the
present one in turn. Each side keeps the versions that it made. Those of this computer outlive the session by 30 days
(together up to 1 GiB).`,
		Example: `  nhctl dev sync restore
  nhctl dev sync restore --list src
  nhctl dev sync restore src/main.go`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.Path = args[0]
			}
			return run(cmd.Context(), f, o)
		},
	}
	o.Target.AddFolderFlags(cmd)
	o.Target.AddWorkloadFlag(cmd, f)
	cmd.Flags().BoolVarP(&o.List, "list", "l", false, "only list the versions that there are")
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	if o.List {
		return list(ctx, f, o)
	}
	var done rpc.SyncDone
	if err := f.Call(ctx, rpc.MethodSyncDo, rpc.SyncDo{Target: o.Target.RPC(f), Action: rpc.SyncRestore, Path: o.Path},
		&done); err != nil {
		return err
	}
	if done.Files == 0 && !f.JSON() {
		return list(ctx, f, o)
	}
	return f.Printer().Result(done, func(w io.Writer) { fmt.Fprintf(w, "%d files are back\n", done.Files) })
}

func list(ctx context.Context, f *factory.Factory, o *Options) error {
	var found []rpc.SyncVersion
	if err := f.Call(ctx, rpc.MethodSyncVersions, rpc.SyncPath{Target: o.Target.RPC(f), Path: o.Path},
		&found); err != nil {
		return err
	}
	if f.JSON() {
		return f.Printer().Document(found)
	}
	if len(found) == 0 {
		fmt.Fprintln(f.Out(), "sync has overwritten and deleted nothing of yours")
		return nil
	}
	rows := [][]string{{"PATH", "WAS", "FROM", "SIZE", "AGE"}}
	for _, v := range found {
		from := "this computer"
		if v.Side == event.InPod {
			from = "the container"
		}
		rows = append(rows, []string{v.Path, v.Reason, from, ui.Bytes(v.Bytes), ui.Age(v.Time)})
	}
	return ui.Table(f.Out(), rows...)
}
