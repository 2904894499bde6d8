// Package status is `nhctl status`.
package status

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/watch"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

// Options are the command's flags.
type Options struct{ Watch bool }

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what this computer has in its clusters: dev mode, tunnels and routes, and whether they work",
		Long: `List the sessions of this computer, in all clusters: workloads in dev mode, tunnels and routes.
nhctl asks each at its far end at that moment. A tunnel is up when the gateway answered over the way that connections
take, a route when its front did; the time is how long that took. Of routes, the last requests follow.`,
		Example: `  nhctl status
  nhctl status --watch`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), f, o) },
	}
	cmd.Flags().BoolVarP(&o.Watch, "watch", "w", false, "show it again whenever it changes, until Ctrl-C")
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	if o.Watch {
		p := rpc.Subscribe{Topic: rpc.TopicOverview, Caller: f.Caller()}
		return watch.Topic(ctx, f, p, watch.View[rpc.Session, []rpc.Session]{
			News: func(u rpc.Update) map[string]rpc.Session { return u.Overview },
			Of:   watch.Sorted(order),
			Text: show,
		})
	}
	all := []rpc.Session{}
	if err := f.Call(ctx, rpc.MethodOverview, rpc.Overview{Caller: f.Caller()}, &all); err != nil {
		return err
	}
	if f.JSON() {
		return f.Printer().Document(all)
	}
	show(f.Out(), all)
	return nil
}

func order(a, b rpc.Session) int {
	key := func(s rpc.Session) []string { return []string{s.Context, s.Namespace, s.Kind, s.Workload, s.ID} }
	return slices.Compare(key(a), key(b))
}

func show(w io.Writer, all []rpc.Session) {
	if len(all) == 0 {
		fmt.Fprintln(w, "this computer has no session: nhctl dev start, or nhctl connect --socks")
		return
	}
	rows := [][]string{{"CONTEXT", "NAMESPACE", "SESSION", "WHAT", "SINCE", "STATE"}}
	for _, s := range all {
		rows = append(rows, []string{s.Context, s.Namespace, s.ID, what(s), ui.Age(s.Since), state(s)})
	}
	_ = ui.Table(w, rows...)
	requests(w, all)
	for _, s := range all {
		for _, text := range s.Notices {
			fmt.Fprintf(w, "note: %s in namespace %s: %s\n", what(s), s.Namespace, text)
		}
	}
}

// what a session is.
func what(s rpc.Session) string {
	if s.Tunnel != nil {
		name := "tunnel"
		if s.Workload != "" {
			name += " as " + s.Workload
		}
		return fmt.Sprintf("%s (proxy 127.0.0.1:%d)", name, s.Tunnel.Port)
	}
	if s.Route != nil {
		kind := "exchange"
		switch {
		case s.Route.Mirror:
			kind = "mirror"
		case len(s.Route.Matches) > 0:
			kind = "mesh"
		}
		return fmt.Sprintf("%s of Service %s", kind, s.Route.Service)
	}
	return fmt.Sprintf("%s (%s)", s.Workload, s.Mode)
}

// state is how a session is.
func state(s rpc.Session) string {
	if r := s.Route; r != nil {
		return routeState(*r)
	}
	switch t := s.Tunnel; {
	case t != nil && t.Reason != "":
		return "down: " + t.Reason
	case t != nil:
		return fmt.Sprintf("up, %.0f ms, %d open, %d so far, %d failed, %s sent, %s received", t.RoundTrip, t.Open,
			t.Opened, t.Failed, ui.Bytes(t.Sent), ui.Bytes(t.Received))
	case s.Link == nil:
		return "not served"
	case s.Link.Reason != "":
		return s.Link.State + ": " + s.Link.Reason
	}
	return s.Link.State
}

func routeState(r rpc.Route) string {
	if r.Reason != "" {
		return "down: " + r.Reason
	}
	if r.Mirror {
		return fmt.Sprintf("up, %.0f ms, %d open, %d copied, %d passed, %d dropped, %d errors", r.RoundTrip, r.Open,
			r.Matched, r.Passed, r.Dropped, r.Errors)
	}
	text := fmt.Sprintf("up, %.0f ms, %d open, %d matched, %d passed, %d failed open, %d errors", r.RoundTrip, r.Open,
		r.Matched, r.Passed, r.FailedOpen, r.Errors)
	if r.Direct > 0 {
		text += fmt.Sprintf(", %d direct", r.Direct)
	}
	if r.Until != nil {
		text += fmt.Sprintf(", %s left", max(0, time.Until(*r.Until)).Round(time.Minute))
	}
	return text
}

// requests are the last ones of routes.
func requests(w io.Writer, all []rpc.Session) {
	const most = 5
	rows := [][]string{}
	for _, s := range all {
		if s.Route == nil {
			continue
		}
		last := s.Route.Last
		for _, r := range last[max(0, len(last)-most):] {
			answer := fmt.Sprint(r.Status)
			switch {
			case r.FailedOpen != "":
				answer += " by an original: " + r.FailedOpen
			case r.Status == 0:
				answer = "none"
			}
			rows = append(rows, []string{what(s), r.Time.Local().Format(time.TimeOnly), r.Method, r.Path, answer})
		}
	}
	if len(rows) > 0 {
		fmt.Fprintln(w)
		_ = ui.Table(w, append([][]string{{"ROUTE", "TIME", "METHOD", "PATH", "ANSWER"}}, rows...)...)
	}
}
