// Package end is `nhctl dev end`.
package end

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// Options are the command's flags and arguments.
type Options struct {
	Target                factory.Target
	Force, All, Abandoned bool
	Timeout               time.Duration
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := o.Target.Command(f, &cobra.Command{
		Use:   "end [WORKLOAD]",
		Short: "Leave dev mode: copy files back, and restore the workload",
		Example: `  nhctl dev end              # the workload of the folder's config, or your only session
  nhctl dev end deploy/web
  nhctl dev end --all        # every session of yours in the namespace
  nhctl dev end --abandoned  # everyone's that have been silent for 10 minutes`,
	}, func(ctx context.Context) error { return run(ctx, f, o) })
	o.Target.AddFlags(cmd)
	cmd.Flags().BoolVar(&o.Force, "force", false,
		"go on without files that only the pod has; with --session also for someone else's session")
	cmd.Flags().BoolVar(&o.All, "all", false, "end every session of yours in the namespace")
	cmd.Flags().BoolVar(&o.Abandoned, "abandoned", false,
		"end the sessions, whoever holds them, that have been silent for longer than they may block others")
	cmd.Flags().DurationVar(&o.Timeout, "timeout", 2*time.Minute, "limit of copying back files that only the pod has")
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	var ended rpc.Ended
	if err := f.Call(ctx, rpc.MethodEnd,
		rpc.End{Target: o.Target.RPC(f), Force: o.Force, All: o.All, Abandoned: o.Abandoned, Timeout: o.Timeout},
		&ended); err != nil {
		return err
	}
	return f.Printer().Result(ended, func(w io.Writer) {
		if len(ended.Sessions) == 0 {
			fmt.Fprintln(w, map[bool]string{false: "you have no session in this namespace",
				true: "no session is abandoned in this namespace"}[o.Abandoned])
		}
		for _, s := range ended.Sessions {
			fmt.Fprintf(w, "%s is as it was; your files are in %s\n", s.Workload, s.Folder)
		}
	})
}
