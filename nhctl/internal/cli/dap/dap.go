// Package dap is `nhctl dap`.
package dap

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/client"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/dap"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/program"
)

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	return &cobra.Command{
		Use:   "dap",
		Short: "A debug adapter for editors, on standard streams",
		Long: `A debug adapter for editors: it speaks the Debug Adapter Protocol on its standard streams, with one
client. The request launch builds the program in the dev container and starts it under its debugger, attach joins the
debugger that runs. The editor's session goes on when a change of the sources builds the program again, when the
connection is lost, and when the pod is replaced. The page about the debug adapter has the arguments, and the
configuration of editors.`,
		Example: "  nhctl dap",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return dap.Serve(cmd.Context(), dap.Options{
				In:      f.Streams.In,
				Out:     f.Streams.Out,
				Backend: backend{f},
				Program: program.CallOf(f.Program),
			})
		},
	}
}

// backend is the daemon of the user.
type backend struct{ f *factory.Factory }

// Caller is who calls from a place.
func (b backend) Caller(p dap.Place) rpc.Caller {
	return b.f.CallerFrom(rpc.Caller{
		Dir:        p.Folder,
		Kubeconfig: p.Kubeconfig,
		Context:    p.Context,
		Namespace:  p.Namespace,
	})
}

// Call makes a call by a connection of its own, whose events are those of this call.
func (b backend) Call(ctx context.Context, method string, params, result any, hear func(event.Event)) error {
	dirs, err := b.f.Dirs()
	if err != nil {
		return err
	}
	c, err := client.Connect(ctx, dirs, b.f.Environ, hear)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Call(ctx, method, params, result)
}
