// Package status is `nhctl dev status`.
package status

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/watch"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
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
		Short: "Show a session: connection, sync, ports, program",
		Example: `  nhctl dev status
  nhctl dev status --watch`,
	}, func(ctx context.Context) error { return run(ctx, f, o) })
	o.Target.AddFlags(cmd)
	cmd.Flags().BoolVarP(&o.Watch, "watch", "w", false, "show it again whenever it changes, until Ctrl-C")
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	if o.Watch {
		return watch.Topic(ctx, f, o.Target.Subscribe(f, rpc.TopicStatus), watch.View[rpc.Session, rpc.Session]{
			News: func(u rpc.Update) map[string]rpc.Session { return u.Status },
			Of:   only,
			Text: describe,
		})
	}
	var s rpc.Session
	if err := f.Call(ctx, rpc.MethodStatus, o.Target.RPC(f), &s); err != nil {
		return err
	}
	if f.JSON() {
		return f.Printer().Document(s)
	}
	describe(f.Out(), s)
	return nil
}

// only is the one session of the topic.
func only(items map[string]rpc.Session) (s rpc.Session) {
	for _, s = range items {
		break
	}
	return s
}

func describe(w io.Writer, s rpc.Session) {
	rows := [][]string{
		{"workload", s.Workload + " (" + string(s.Mode) + ", session " + s.ID + ")"},
		{"holder", s.Holder.Local + " (" + s.Holder.User + ") for " + ui.Age(s.Since)},
	}
	if s.Link != nil {
		text := s.Link.State
		if s.Link.Pod != "" {
			text += ", pod " + s.Link.Pod + ", container " + s.ContainerNames()
		}
		if s.Link.Reason != "" {
			text += ": " + s.Link.Reason
		}
		rows = append(rows, []string{"connection", text})
	}
	for _, y := range s.Sync {
		rows = append(rows, []string{"sync", ui.Sync(y)}, []string{"folders", s.Folder + " <-> " + s.WorkDir})
	}
	for _, y := range s.Sync {
		for _, path := range slices.Sorted(maps.Keys(y.Mounts)) {
			rows = append(rows, []string{"mounted", path + ": " + y.Mounts[path] + " (not synced)"})
		}
	}
	for _, p := range s.Forwards {
		rows = append(rows, []string{"forwarded", fmt.Sprintf("localhost:%d -> %d", p.Local, p.Remote)})
	}
	for _, c := range s.Commands {
		name := c.Name
		if c.Container != "" {
			name += " in " + c.Container
		}
		rows = append(rows, []string{name, ui.Command(c)})
	}
	_ = ui.Table(w, rows...)
	for _, n := range s.Notices {
		fmt.Fprintln(w, "note:", n)
	}
}
