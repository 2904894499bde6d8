// Package disconnect is `nhctl disconnect`.
package disconnect

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/journal"
	"github.com/nhctl/nhctl/nhctl/internal/netsetup"
)

// Options are the command's flags.
type Options struct {
	All, Force bool
	Workload   string
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "disconnect",
		Short: "End your tunnels into the namespace, and remove their gateways",
		Long: `End your tunnels into the namespace, and remove their gateways. An nhctl connect that serves one ends,
too, and restores what it has changed on this computer. Where one was killed before it could, this command restores it,
and so does the next nhctl connect. With --force, it does that alone, and needs no cluster.`,
		Example: `  nhctl disconnect
  nhctl disconnect --workload web  # the one as that workload alone
  nhctl disconnect --all           # into whatever namespace and cluster
  nhctl disconnect --force         # restore this computer`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), f, o) },
	}
	cmd.Flags().BoolVar(&o.All, "all", false, "end all tunnels of this computer")
	cmd.Flags().StringVar(&o.Workload, "workload", "", "end the tunnel as this workload alone")
	cmd.Flags().BoolVar(&o.Force, "force", false, "only restore what a killed nhctl connect has left on this computer")
	cmd.MarkFlagsMutuallyExclusive("all", "workload", "force")
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	if o.Force {
		return restore(ctx, f)
	}
	left, err := repair(f)
	if err != nil {
		return err
	}
	if !f.JSON() {
		describe(f.Err(), left)
	}
	var ended rpc.Ended
	p := rpc.Disconnect{Caller: f.Caller(), All: o.All, Workload: o.Workload}
	if err := f.Call(ctx, rpc.MethodDisconnect, p, &ended); err != nil {
		return err
	}
	return f.Printer().Result(ended, func(w io.Writer) {
		if len(ended.Sessions) == 0 {
			fmt.Fprintln(w, "this computer has no tunnel")
		}
		for _, s := range ended.Sessions {
			as := ""
			if s.Workload != "" {
				as = ", as " + s.Workload
			}
			fmt.Fprintf(w, "disconnected (namespace %s%s)\n", s.Namespace, as)
		}
	})
}

// repair undoes what killed processes have left.
func repair(f *factory.Factory) ([]journal.Left, error) {
	dirs, err := f.Dirs()
	if err != nil {
		return nil, err
	}
	return journal.Repair(journal.Dir(dirs.State))
}

// restored is what --force has found.
type restored struct {
	Left []journal.Left `json:"left"`
}

func restore(ctx context.Context, f *factory.Factory) error {
	left, err := repair(f)
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 && journal.Any(journal.RootDir) { // what root has changed, root restores
		program, err := os.Executable()
		if err != nil {
			return err
		}
		fmt.Fprintln(f.Err(), "restoring files of this computer needs root: sudo starts a helper that does this alone")
		h, err := netsetup.Start(ctx, program)
		if err != nil {
			return err
		}
		left = append(left, h.Left...)
		if err := h.Close(); err != nil {
			return err
		}
	}
	all := restored{Left: append([]journal.Left{}, left...)}
	return f.Printer().Result(all, func(w io.Writer) {
		if len(left) == 0 {
			fmt.Fprintln(w, "there is nothing to restore on this computer")
		}
		describe(w, left)
	})
}

// describe says what there was of other processes.
func describe(w io.Writer, left []journal.Left) {
	for _, l := range left {
		if l.Lives {
			fmt.Fprintf(w, "an nhctl connect serves this computer (process %d): Ctrl-C ends it\n", l.PID)
			continue
		}
		fmt.Fprintf(w, "restored %s, which an nhctl connect had left (process %d)\n", strings.Join(l.Files, " and "),
			l.PID)
	}
}
