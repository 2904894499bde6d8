// Package folder is `nhctl dev sync folder`.
package folder

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
	Target   factory.Target
	Path, Of string
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "folder PATH",
		Short: "Sync another folder of this computer, without leaving dev mode",
		Long: `Sync another folder of this computer with the container, such as another work tree of the same sources,
without leaving dev mode. The folder and the container's are compared as at the first start: where a file differs, this
computer's wins, and the container's is kept as a version (the other way round where sync only receives); a file that
only one of them has goes to the other, as far as the config's sync type lets it. The folder that was synced before
stays as it is.`,
		Example: `  nhctl dev sync folder ../web-hotfix --workload web
  nhctl dev sync folder ~/lib-next --of ~/lib`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Path = f.Absolute(args[0])
			return run(cmd.Context(), f, o)
		},
	}
	o.Target.AddFolderFlags(cmd)
	o.Target.AddWorkloadFlag(cmd, f)
	cmd.Flags().StringVar(&o.Of, "of", "", "which folder to change, where several are synced (default: the sources')")
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	call := rpc.SyncFolder{Target: o.Target.RPC(f), Folder: o.Path}
	if o.Of != "" {
		call.Of = f.Absolute(o.Of)
	}
	var done rpc.SyncDone
	if err := f.Call(ctx, rpc.MethodSyncFolder, call, &done); err != nil {
		return err
	}
	return f.Printer().Result(done, func(w io.Writer) {
		fmt.Fprintf(w, "%s is synced now; %d files differed from the container's\n", done.Folders[0], done.Files)
	})
}
