// Package forward is `nhctl dev forward`.
package forward

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

// Options are the command's flags and arguments.
type Options struct {
	Target factory.Target
	Ports  []string
	Close  []int
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "forward [LOCAL:REMOTE...]",
		Short: "Forward local ports to the dev container, or list them",
		Long: `Forward local ports (on loopback alone) to ports of the dev pod. Forwards last as long as the session,
over pods that come and go. LOCAL:REMOTE, :REMOTE for any free local port, or PORT for the same on both sides. Without
ports: list those that are forwarded.`,
		Example: `  nhctl dev forward 8080:80
  nhctl dev forward :5005
  nhctl dev forward --close 8080`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Ports = args
			return run(cmd.Context(), f, o)
		},
	}
	o.Target.AddFlags(cmd)
	cmd.Flags().StringVar(&o.Target.Workload, "workload", "", "workload in dev mode (default: the folder's)")
	cmd.Flags().IntSliceVar(&o.Close, "close", nil, "local ports to close")
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	call := rpc.Forward{Target: o.Target.RPC(f)}
	for _, text := range o.Ports {
		local, remote, err := config.Ports(text)
		if err != nil {
			return problem.New(problem.Usage, "%w", err)
		}
		call.Open = append(call.Open, rpc.PortPair{Local: local, Remote: remote})
	}
	for _, local := range o.Close {
		call.Close = append(call.Close, rpc.PortPair{Local: local})
	}
	var list []event.ForwardData
	if err := f.Call(ctx, rpc.MethodForward, call, &list); err != nil {
		return err
	}
	if f.JSON() {
		return f.Printer().Document(list)
	}
	return table(f.Out(), list)
}

func table(w io.Writer, list []event.ForwardData) error {
	rows := [][]string{{"LOCAL", "REMOTE", "STATE"}}
	for _, p := range list {
		rows = append(rows, []string{fmt.Sprintf("localhost:%d", p.Local), fmt.Sprint(p.Remote), p.State})
	}
	return ui.Table(w, rows...)
}
