// Package list is `nhctl dev list`.
package list

import (
	"context"
	"time"

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
	rows := [][]string{{"SESSION", "WORKLOAD", "MODE", "PHASE", "HOLDER", "SINCE", "LAST HEARD OF", "STATE"}}
	for _, s := range sessions {
		if s.Unreadable != "" {
			rows = append(rows, []string{"-", "lease/" + s.Lease, "-", "-", "-", "-", "-", "unreadable: " + s.Unreadable})
			continue
		}
		holder := s.Holder.Local
		if s.Mine {
			holder += " (you)"
		}
		silent := time.Duration(s.Silent * float64(time.Second))
		rows = append(rows, []string{s.ID, s.Workload, string(s.Mode), s.Phase, holder, ui.Age(s.Since), ui.Age(time.Now().Add(-silent)), state(s)})
	}
	return ui.Table(f.Out(), rows...)
}

// quiet is from how many seconds on a session counts as silent: a few heartbeats.
const quiet = 20

// state says whether anybody serves a session.
func state(s rpc.Session) string {
	switch {
	case s.Abandoned:
		return "abandoned"
	case s.Silent > quiet:
		return "silent"
	}
	return "live"
}
