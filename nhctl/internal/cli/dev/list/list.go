// Package list is `nhctl dev list`.
package list

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

// Options are the command's flags and arguments.
type Options struct {
	AllClusters bool
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the sessions of the namespace, everybody's",
		Example: `  nhctl dev list
  nhctl dev list -n staging -o json
  nhctl dev list --all-clusters`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), f, o)
		},
	}
	cmd.Flags().BoolVar(&o.AllClusters, "all-clusters", false, "list the sessions of this computer instead, in whatever cluster")
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	var sessions []rpc.Session
	if err := f.Call(ctx, rpc.MethodList, rpc.List{Caller: f.Caller(), AllClusters: o.AllClusters}, &sessions); err != nil {
		return err
	}
	if f.JSON() {
		return f.Printer().Document(sessions)
	}
	if o.AllClusters {
		return everywhere(f, sessions)
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

// everywhere prints the sessions of this computer.
func everywhere(f *factory.Factory, sessions []rpc.Session) error {
	rows := [][]string{{"CONTEXT", "NAMESPACE", "SESSION", "WORKLOAD", "MODE", "SINCE", "LINK", "SERVER"}}
	for _, s := range sessions {
		link := "-"
		if s.Link != nil {
			link = string(s.Link.State)
		}
		rows = append(rows, []string{s.Context, s.Namespace, s.ID, s.Workload, string(s.Mode), ui.Age(s.Since), link, s.Server})
	}
	if err := ui.Table(f.Streams.Out, rows...); err != nil {
		return err
	}
	for _, s := range sessions {
		for _, text := range s.Notices {
			fmt.Fprintf(f.Streams.Err, "%s in namespace %s: %s\n", s.Workload, s.Namespace, text)
		}
	}
	return nil
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
