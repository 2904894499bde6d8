// Package run is `nhctl dev run`.
package run

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/terminal"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

// Options are the command's flags and arguments.
type Options struct {
	Target                factory.Target
	Argv                  []string
	Keep, Follow, NoBuild bool
	TTY, Once, LocalPaths bool
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := o.Target.OwnCommand(f, &cobra.Command{
		Use:   "run [WORKLOAD] [-- COMMAND ARGS...]",
		Short: "Start the service's program from the synced sources",
		Long: `Start the service's program from the synced sources: the config's command.build and command.run, or
COMMAND. nhctl finds values that no config has by the sources, and says which; nhctl config init writes them down. The
program runs under the supervisor and goes on when this command ends. Once the build has succeeded, it stops and
replaces a running program, also one under a debugger. With hotReload in the config, a change of the sources builds and
starts the program again.`,
		Example: `  nhctl dev run
  nhctl dev run --follow
  nhctl dev run -- go run ./cmd/server --verbose
  nhctl dev run --once -- go test ./...   # next to the service, with its exit code`,
	}, &o.Argv, func(ctx context.Context) error { return run(ctx, f, o) })
	cmd.Flags().BoolVar(&o.Keep, "keep", false, "fail when the program runs already, instead of replacing it")
	cmd.Flags().BoolVar(&o.NoBuild, "no-build", false, "leave out the build command")
	cmd.Flags().BoolVar(&o.TTY, "tty", false, "give the program a terminal for its output, as for colours; its "+
		"input has ended: run a program that asks for input with --once, or in dev terminal")
	cmd.Flags().BoolVar(&o.Once, "once", false,
		"run COMMAND to its end next to the service, with your input and its exit code")
	cmd.Flags().BoolVarP(&o.Follow, "follow", "f", false,
		"print what the program prints, until Ctrl-C; it goes on running")
	factory.AddLocalPathsFlag(cmd, &o.LocalPaths)
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	if o.Once {
		if len(o.Argv) == 0 {
			return problem.New(problem.Usage, "no command to run once").
				WithHint("put it behind --, such as: nhctl dev run --once -- go test ./...")
		}
		options := terminal.Options{TTY: true, LocalPaths: o.LocalPaths}
		return terminal.Once(ctx, f, o.Target.RPC(f), options, o.Argv)
	}
	var c event.CommandData
	params := rpc.Run{
		Target:      o.Target.RPC(f),
		Argv:        o.Argv,
		KeepRunning: o.Keep,
		NoBuild:     o.NoBuild,
		TTY:         o.TTY,
		LocalPaths:  o.LocalPaths,
	}
	if err := f.Call(ctx, rpc.MethodRun, params, &c); err != nil {
		return err
	}
	err := f.Printer().Result(c, func(w io.Writer) {
		fmt.Fprintf(w, "running: %s (process %d in the container)\n", ui.CommandLine(c.Argv), c.PID)
	})
	if err != nil || !o.Follow {
		return err
	}
	logs := rpc.Logs{Target: o.Target.RPC(f), Follow: true, LocalPaths: o.LocalPaths}
	return f.Call(ctx, rpc.MethodLogs, logs, nil)
}
