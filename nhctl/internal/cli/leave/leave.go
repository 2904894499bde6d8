// Package leave is `nhctl leave`.
package leave

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// Options are the command's flags.
type Options struct{ All bool }

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := &cobra.Command{
		Use:   "leave [SERVICE]",
		Short: "End your routes of a Service: exchanges, meshes and mirrors",
		Long: `End your routes of a Service, or without one all in the namespace. After a Service's last route, its own
selector is back and the front goes. Connections that the front still has go on for up to 30 seconds.`,
		Example: `  nhctl leave web
  nhctl leave --all  # in whatever namespace and cluster`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p := rpc.Leave{Caller: f.Caller(), All: o.All}
			if len(args) > 0 {
				p.Service = args[0]
			}
			return run(cmd.Context(), f, p)
		},
	}
	cmd.Flags().BoolVar(&o.All, "all", false, "end all routes of this computer")
	return cmd
}

func run(ctx context.Context, f *factory.Factory, p rpc.Leave) error {
	if p.All && p.Service != "" {
		return problem.New(problem.Usage, "--all ends all routes: name no Service, or leave out --all")
	}
	var ended rpc.Ended
	if err := f.Call(ctx, rpc.MethodLeave, p, &ended); err != nil {
		return err
	}
	return f.Printer().Result(ended, func(w io.Writer) {
		if len(ended.Sessions) == 0 {
			fmt.Fprintln(w, "this computer has no route")
		}
		for _, s := range ended.Sessions {
			fmt.Fprintf(w, "left: Service %s (namespace %s)\n", s.Route.Service, s.Namespace)
		}
	})
}
