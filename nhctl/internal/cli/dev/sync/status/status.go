// Package status is `nhctl dev sync status`.
package status

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/watch"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

// Options are the command's flags and arguments.
type Options struct {
	Target factory.Target
	Watch  bool
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := o.Target.Command(f, &cobra.Command{
		Use:   "status [WORKLOAD]",
		Short: "Show how far file sync is, and which files it can't sync",
		Example: `  nhctl dev sync status
  nhctl dev sync status --watch -o json`,
	}, func(ctx context.Context) error { return run(ctx, f, o) })
	o.Target.AddFolderFlags(cmd)
	cmd.Flags().BoolVarP(&o.Watch, "watch", "w", false, "show it again whenever it changes, until Ctrl-C")
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	if o.Watch {
		return watch.Topic(ctx, f, o.Target.Subscribe(f, rpc.TopicSync), watch.View[rpc.Synced, []event.SyncData]{
			News: func(u rpc.Update) map[string]rpc.Synced { return u.Sync },
			Of:   folders,
			Text: describe,
		})
	}
	var all []event.SyncData
	if err := f.Call(ctx, rpc.MethodSyncStatus, o.Target.RPC(f), &all); err != nil {
		return err
	}
	if f.JSON() {
		return f.Printer().Document(all)
	}
	describe(f.Out(), all)
	return nil
}

// folders are those of a session, the sources first.
func folders(items map[string]rpc.Synced) []event.SyncData {
	all := []event.SyncData{}
	for _, s := range watch.Sorted(func(a, b rpc.Synced) int { return cmp.Compare(a.Index, b.Index) })(items) {
		all = append(all, s.SyncData)
	}
	return all
}

func describe(w io.Writer, folders []event.SyncData) {
	for _, s := range folders {
		fmt.Fprintf(w, "%s: %s\n", s.Folder, ui.Sync(s))
		for _, path := range slices.Sorted(maps.Keys(s.Errors)) {
			fmt.Fprintf(w, "  %s: %s\n", path, s.Errors[path])
		}
		for _, path := range s.Syncing {
			fmt.Fprintf(w, "  on its way: %s\n", path)
		}
		for _, path := range s.ConflictPaths {
			fmt.Fprintf(w, "  in conflict: %s\n", path)
		}
		for _, path := range slices.Sorted(maps.Keys(s.NotCarried)) {
			fmt.Fprintf(w, "  not carried: %s: %s\n", path, s.NotCarried[path])
		}
		for _, path := range slices.Sorted(maps.Keys(s.Mounts)) {
			fmt.Fprintf(w, "  mounted, not synced: %s: %s\n", path, s.Mounts[path])
		}
		if s.LastSave != nil {
			fmt.Fprintf(w, "  last save: %s, in the container after %.0f ms\n", s.LastSave.Path,
				s.LastSave.Seconds*1000)
		}
	}
}
