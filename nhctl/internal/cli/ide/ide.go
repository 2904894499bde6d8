// Package ide is `nhctl ide`.
package ide

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/client"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/ide"
	"github.com/nhctl/nhctl/sidecar/footprint"
)

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	return &cobra.Command{
		Use:   "ide",
		Short: "Speak with an editor on standard input and output",
		Long: `Speak JSON-RPC 2.0 on standard input and output, each message with the header Content-Length, as language
servers do. Its calls are those of the daemon; it outlives daemons, and ends with its input. A plugin of an editor
starts it once. The page "For authors of editor plugins" describes it.`,
		Example: "  nhctl ide\n  nhctl ide --context dev",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), f) },
	}
}

func run(ctx context.Context, f *factory.Factory) error {
	dirs, err := f.Dirs()
	if err != nil {
		return err
	}
	// It lasts as long as its editor, and needs little of what the start of so large a program touches.
	if err := footprint.Trim(); err != nil {
		fmt.Fprintln(f.Err(), "free memory:", err)
	}
	return ide.Serve(ctx, f.Streams.In, f.Streams.Out, ide.Options{
		Dirs: dirs,
		Caller: rpc.Caller{
			Dir:        f.Dir,
			Kubeconfig: f.Kubeconfig,
			Context:    f.Context,
			Namespace:  f.Namespace,
		},
		Env:    f.EnvAt,
		Stderr: f.Err(),
		Connect: func(ctx context.Context, notified client.Notified) (*client.Client, error) {
			return client.ConnectRaw(ctx, dirs, f.Environ, notified)
		},
	})
}
