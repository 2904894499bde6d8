// Package app is the program around the commands: streams, signals, printed errors, exit codes.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/cli/root"
	"github.com/nhctl/nhctl/nhctl/internal/daemon"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/devsession"
	"github.com/nhctl/nhctl/nhctl/internal/enclosure"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/netsetup"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/routesession"
	"github.com/nhctl/nhctl/nhctl/internal/tunnelsession"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
	"github.com/nhctl/nhctl/sidecar/home"
)

// Main runs the program with the arguments behind its name, and returns its exit code.
func Main(args []string) int {
	home.Restore()
	if len(args) > 0 {
		switch args[0] {
		case kube.PluginArgument:
			return kube.RunPlugin(args[1:])
		case enclosure.Argument:
			return enclosure.RunHelper(args[1:])
		case netsetup.Argument:
			return netsetup.RunHelper()
		}
	}
	debug.SetGCPercent(1200) // most commands end before a collection pays; the daemon sets its own
	f, err := factory.System()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return problem.ExitFailure
	}
	f.Serve = serve
	ctx, stop := interruptible()
	defer stop()
	return Run(ctx, f, args)
}

// serve is the daemon with all kinds of sessions that there are.
func serve(ctx context.Context, dirs userdirs.Dirs) error {
	return daemon.Serve(ctx, dirs, newDevMode, newTunnel, newRoute)
}

func newTunnel(dirs userdirs.Dirs, logger *slog.Logger, r *registry.Registry) daemon.Kind {
	return tunnelsession.New(dirs, logger, r)
}

func newRoute(dirs userdirs.Dirs, logger *slog.Logger, r *registry.Registry) daemon.Kind {
	return routesession.New(dirs, logger, r)
}

func newDevMode(dirs userdirs.Dirs, logger *slog.Logger, r *registry.Registry) daemon.Kind {
	return devsession.New(dirs, logger, r)
}

// Run runs one command.
func Run(ctx context.Context, f *factory.Factory, args []string) int {
	cmd := root.New(f)
	cmd.SetArgs(args)
	cmd.SetIn(f.Streams.In)
	cmd.SetOut(f.Out())
	cmd.SetErr(f.Err())
	err := cmd.ExecuteContext(ctx)
	var exit problem.Exit
	switch {
	case err == nil:
		return problem.ExitOK
	case errors.As(err, &exit):
		return int(exit)
	}
	p := problem.From(err)
	f.Printer().Fail(p)
	return p.ExitCode()
}

// interruptible ends its context at the first Ctrl-C, so that what was begun is undone. A second one ends the program
// at once.
func interruptible() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-ctx.Done():
			return
		case <-signals:
		}
		cancel()
		signal.Stop(signals) // the next one has its usual effect
	}()
	return ctx, func() { signal.Stop(signals); cancel() }
}
