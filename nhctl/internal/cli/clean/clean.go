// Package clean is `nhctl clean`.
package clean

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

// Options are the command's flags.
type Options struct {
	Yes, AllNamespaces bool
	Others             []string
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "clean",
		Short: "List what nhctl has in the namespace, and remove it",
		Long: `List all that nhctl has in the namespace, whoever's it is: sessions of dev mode, tunnels and routes, and
what lost ones have left. After a question, end your own and those that are no one's any more, each in its own way: a
workload is restored, files that only a pod has are copied back or kept, a Service leads to its own pods again. Sessions
of others stay unless you name them with --others. nhctl leaves alone what it can't judge, and the list says why.`,
		Example: `  nhctl clean
  nhctl clean --yes -n staging
  nhctl clean --others 0a1b2c3d  # this session of someone else, too
  nhctl clean --all-namespaces -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), f, o) },
	}
	flags := cmd.Flags()
	flags.BoolVarP(&o.Yes, "yes", "y", false, "remove it without asking")
	flags.BoolVarP(&o.AllNamespaces, "all-namespaces", "A", false, "in all namespaces in which you may look")
	flags.StringSliceVar(&o.Others, "others", nil, "also end this session, which someone else holds; may be repeated")
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	all := []rpc.Leftover{}
	p := rpc.Leftovers{Caller: f.Caller(), AllNamespaces: o.AllNamespaces}
	if err := f.Call(ctx, rpc.MethodLeftovers, p, &all); err != nil {
		return err
	}
	if err := o.known(all); err != nil {
		return err
	}
	chosen := slices.DeleteFunc(slices.Clone(all), func(l rpc.Leftover) bool { return !o.removes(l) })
	if f.JSON() && !o.Yes {
		return f.Printer().Document(all)
	}
	if !o.Yes {
		show(f.Out(), all, o)
		if len(chosen) == 0 {
			return nil
		}
		if !f.Confirm(fmt.Sprintf("End and remove %d of these", len(chosen))) {
			return problem.New(problem.Refused, "nothing was removed").
				WithHint("answer y at a terminal, or give --yes")
		}
	}
	gone, err := remove(ctx, f, o, chosen)
	if err != nil {
		return err
	}
	return f.Printer().Result(gone, func(w io.Writer) {
		if len(gone) == 0 {
			fmt.Fprintln(w, "there was nothing to remove")
		}
		for _, l := range gone {
			fmt.Fprintf(w, "removed: %s (namespace %s)\n", l.What, l.Namespace)
		}
	})
}

// known refuses the ids of sessions that are not there: a mistyped one would be passed over.
func (o *Options) known(all []rpc.Leftover) error {
	for _, id := range o.Others {
		if !slices.ContainsFunc(all, func(l rpc.Leftover) bool { return l.Session == id }) {
			return problem.New(problem.NoSession, "no session %q is there", id).WithHint("`nhctl clean` lists them")
		}
	}
	return nil
}

// removes says whether something is to go.
func (o *Options) removes(l rpc.Leftover) bool {
	switch l.State {
	case rpc.LeftoverYours, rpc.LeftoverAbandoned:
		return true
	case rpc.LeftoverHeld:
		return slices.Contains(o.Others, l.Session)
	}
	return false
}

// remove removes them, namespace by namespace.
func remove(ctx context.Context, f *factory.Factory, o *Options, chosen []rpc.Leftover) ([]rpc.Leftover, error) {
	keys, namespaces := map[string][]string{}, []string{}
	for _, l := range chosen {
		if len(keys[l.Namespace]) == 0 {
			namespaces = append(namespaces, l.Namespace)
		}
		keys[l.Namespace] = append(keys[l.Namespace], l.Key)
	}
	gone := []rpc.Leftover{}
	var failed []error
	for _, namespace := range namespaces {
		p := rpc.RemoveLeftovers{Caller: f.Caller(), Keys: keys[namespace], Others: o.Others}
		p.Caller.Namespace = namespace
		var some []rpc.Leftover
		if err := f.Call(ctx, rpc.MethodRemove, p, &some); err != nil {
			failed = append(failed, err)
		}
		gone = append(gone, some...)
	}
	return gone, errors.Join(failed...)
}

// show lists what there is, and what of it goes.
func show(w io.Writer, all []rpc.Leftover, o *Options) {
	if len(all) == 0 {
		fmt.Fprintln(w, "nhctl has nothing there")
		return
	}
	rows := [][]string{{"NAMESPACE", "SESSION", "WHAT", "HOLDER", "SINCE", "LAST HEARD OF", "WHAT HAPPENS"}}
	for _, l := range all {
		holder, since, heard, session := "-", "-", "-", l.Session
		if l.Holder != nil && l.Since != nil {
			silent := time.Duration(l.Silent * float64(time.Second))
			holder, since, heard = l.Holder.Local, ui.Age(*l.Since), ui.Age(time.Now().Add(-silent))
		}
		if session == "" {
			session = "-"
		}
		rows = append(rows, []string{l.Namespace, session, l.What, holder, since, heard, o.fate(l)})
	}
	_ = ui.Table(w, rows...)
}

// fate is what becomes of it, and why.
func (o *Options) fate(l rpc.Leftover) string {
	switch {
	case l.State == rpc.LeftoverYours:
		return "ended: it is yours"
	case o.removes(l) && l.Reason != "":
		return "removed: " + l.Reason
	case l.State == rpc.LeftoverAbandoned:
		return "ended: it is abandoned"
	case o.removes(l):
		return "ended: you name it"
	case l.State == rpc.LeftoverHeld:
		return "stays: it is theirs (--others " + l.Session + ")"
	}
	return "stays: " + l.Reason
}
