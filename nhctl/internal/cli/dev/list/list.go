// Package list is `nhctl dev list`.
package list

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/watch"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

// Options are the command's flags and arguments.
type Options struct {
	AllClusters, Watch bool
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the sessions of the namespace, everyone's",
		Example: `  nhctl dev list
  nhctl dev list -n staging -o json
  nhctl dev list --all-clusters
  nhctl dev list --watch -o json   # a line with the whole list, whenever it changes`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), f, o)
		},
	}
	cmd.Flags().BoolVar(&o.AllClusters, "all-clusters", false,
		"list the sessions of this computer instead, in whatever cluster")
	cmd.Flags().BoolVarP(&o.Watch, "watch", "w", false, "show the list again whenever it changes, until Ctrl-C")
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	show := namespace
	if o.AllClusters {
		show = func(w io.Writer, sessions []rpc.Session) { everywhere(w, f.Err(), sessions) }
	}
	if o.Watch {
		p := rpc.Subscribe{Topic: rpc.TopicSessions, Caller: f.Caller(), AllClusters: o.AllClusters}
		return watch.Topic(ctx, f, p, watch.View[rpc.Session, []rpc.Session]{
			News: func(u rpc.Update) map[string]rpc.Session { return u.Sessions },
			Of:   watch.Sorted(order),
			Text: show,
		})
	}
	var sessions []rpc.Session
	if err := f.Call(ctx, rpc.MethodList, rpc.List{Caller: f.Caller(), AllClusters: o.AllClusters},
		&sessions); err != nil {
		return err
	}
	if f.JSON() {
		return f.Printer().Document(sessions)
	}
	show(f.Out(), sessions)
	return nil
}

// order is that of a watched list.
func order(a, b rpc.Session) int {
	return cmp.Or(
		cmp.Compare(a.Context, b.Context),
		cmp.Compare(a.Namespace, b.Namespace),
		cmp.Compare(a.Workload, b.Workload),
		cmp.Compare(a.ID, b.ID),
		cmp.Compare(a.Lease, b.Lease),
	)
}

// namespace prints the sessions of the namespace.
func namespace(w io.Writer, sessions []rpc.Session) {
	rows := [][]string{{"SESSION", "WORKLOAD", "MODE", "PHASE", "HOLDER", "SINCE", "LAST HEARD OF", "STATE"}}
	for _, s := range sessions {
		if s.Unreadable != "" {
			rows = append(rows,
				[]string{"-", "lease/" + s.Lease, "-", "-", "-", "-", "-", "unreadable: " + s.Unreadable})
			continue
		}
		holder := s.Holder.Local
		if s.Mine {
			holder += " (you)"
		}
		silent := time.Duration(s.Silent * float64(time.Second))
		rows = append(rows, []string{s.ID, s.Workload, string(s.Mode), s.Phase, holder, ui.Age(s.Since),
			ui.Age(time.Now().Add(-silent)), state(s)})
	}
	_ = ui.Table(w, rows...)
}

// everywhere prints the sessions of this computer, and their notices.
func everywhere(w, notes io.Writer, sessions []rpc.Session) {
	rows := [][]string{{"CONTEXT", "NAMESPACE", "SESSION", "WORKLOAD", "MODE", "SINCE", "LINK", "SERVER"}}
	for _, s := range sessions {
		link := "-"
		if s.Link != nil {
			link = string(s.Link.State)
		}
		rows = append(rows,
			[]string{s.Context, s.Namespace, s.ID, s.Workload, string(s.Mode), ui.Age(s.Since), link, s.Server})
	}
	_ = ui.Table(w, rows...)
	for _, s := range sessions {
		for _, text := range s.Notices {
			fmt.Fprintf(notes, "%s in namespace %s: %s\n", s.Workload, s.Namespace, text)
		}
	}
}

// state says whether anyone serves a session.
func state(s rpc.Session) string {
	switch {
	case s.Abandoned:
		return "abandoned"
	case s.Quiet():
		return "silent"
	}
	return "live"
}
