// Package resolve is `nhctl dev sync resolve`.
package resolve

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// Options are the command's flags and arguments.
type Options struct {
	Target        factory.Target
	Local, Remote bool
	Paths         []string
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "resolve [--local|--remote] [PATH...]",
		Short: "Decide conflicts: all at once, or those of some paths",
		Long: `Decide conflicts: for this computer's content, for the container's, or, without a flag, for what is in
place now. The other content stays among the versions (nhctl dev sync restore).`,
		Example: `  nhctl dev sync resolve --local
  nhctl dev sync resolve --remote src/main.go
  nhctl dev sync resolve src/main.go`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Paths = args
			return run(cmd.Context(), f, o)
		},
	}
	o.Target.AddFolderFlags(cmd)
	o.Target.AddWorkloadFlag(cmd, f)
	cmd.Flags().BoolVar(&o.Local, "local", false, "this computer's content counts")
	cmd.Flags().BoolVar(&o.Remote, "remote", false, "the container's content counts")
	cmd.MarkFlagsMutuallyExclusive("local", "remote")
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	side := ""
	switch {
	case o.Local:
		side = event.Here
	case o.Remote:
		side = event.InPod
	case len(o.Paths) == 0:
		return problem.New(problem.Usage, "no decision is given for the conflicts").
			WithHint("decide all with --local or --remote, or name the paths that may stay as they are")
	}
	paths := o.Paths
	if len(paths) == 0 {
		paths = []string{""}
	}
	total := rpc.SyncDone{Action: rpc.SyncResolve}
	for _, path := range paths {
		var done rpc.SyncDone
		if err := f.Call(ctx, rpc.MethodSyncDo,
			rpc.SyncDo{Target: o.Target.RPC(f), Action: rpc.SyncResolve, Path: path, Side: side}, &done); err != nil {
			return err
		}
		total.Files += done.Files
		total.Folders = done.Folders
	}
	return f.Printer().Result(total, func(w io.Writer) { fmt.Fprintf(w, "%d conflicts are decided\n", total.Files) })
}
