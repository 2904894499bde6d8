// Package debug is `nhctl dev debug`.
package debug

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/debugger"
	"github.com/nhctl/nhctl/nhctl/internal/debugger/delve"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

// Options are the command's flags and arguments.
type Options struct {
	Target                           factory.Target
	Argv                             []string
	Keep, NoBuild, Wait, Attach, TTY bool
	LocalPort                        int
}

// New returns the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{}
	cmd := o.Target.OwnCommand(f, &cobra.Command{
		Use:   "debug [WORKLOAD] [-- COMMAND ARGS...]",
		Short: "Start the service's program under its debugger, and forward the debugger's port",
		Long: `Start the service's program under its debugger: the config's command.debug, or what debug.language (` +
			strings.Join(debugger.Languages(), ", ") + `)
makes of command.run, or COMMAND. nhctl finds values that no config has by the sources, and says which. It
returns when the debugger takes clients on a local port, and says how to attach; the program runs in the meantime. It
stops and replaces a running program. Probes don't kill a program that stands at a breakpoint.`,
		Example: `  nhctl dev debug
  nhctl dev debug --wait           # stop before the first line
  nhctl dev debug --attach         # delve's terminal, for go`,
	}, &o.Argv, func(ctx context.Context) error { return run(ctx, f, o) })
	cmd.Flags().BoolVar(&o.Keep, "keep", false, "fail when the program runs already, instead of replacing it")
	cmd.Flags().BoolVar(&o.NoBuild, "no-build", false, "leave out the build command")
	cmd.Flags().BoolVar(&o.TTY, "tty", false,
		"give the program a terminal for its output, as for colours; its input has ended")
	cmd.Flags().BoolVar(&o.Wait, "wait", false, "keep the program before its first line until a client lets it go on")
	cmd.Flags().BoolVar(&o.Attach, "attach", false,
		"open delve's terminal; use a debugger that runs already as it is")
	cmd.Flags().IntVar(&o.LocalPort, "local-port", 0,
		"local port of the debugger (default: the remote one's number, or a free one)")
	return cmd
}

func run(ctx context.Context, f *factory.Factory, o *Options) error {
	if o.Attach && f.JSON() {
		return problem.New(problem.Usage, "--attach opens a terminal, which has no JSON").
			WithHint("leave out one of --attach and -o json")
	}
	params := rpc.Debug{
		Run:       rpc.Run{Target: o.Target.RPC(f), Argv: o.Argv, KeepRunning: o.Keep, TTY: o.TTY, NoBuild: o.NoBuild},
		Join:      o.Attach,
		Wait:      o.Wait,
		LocalPort: o.LocalPort,
	}
	var d event.DebugData
	if err := f.Call(ctx, rpc.MethodDebug, params, &d); err != nil {
		return err
	}
	if o.Attach {
		return attach(ctx, f, d)
	}
	return f.Printer().Result(d, func(w io.Writer) { describe(w, d) })
}

// describe says how to attach.
func describe(w io.Writer, d event.DebugData) {
	fmt.Fprintf(w, "debugging: %s (process %d in the container)\n", ui.CommandLine(d.Command.Argv), d.Command.PID)
	fmt.Fprintf(w, "debugger:  %s:%d (port %d in the container)\n", d.Host, d.Port, d.RemotePort)
	for _, p := range d.Paths {
		fmt.Fprintf(w, "sources:   %s is %s there\n", p.Local, p.Remote)
	}
	if how := debugger.HowToAttach(d); how != "" {
		fmt.Fprintf(w, "attach:    %s\n", how)
	}
}

// attach opens delve's terminal. When the user leaves it, the program goes on, as after any other client.
func attach(ctx context.Context, f *factory.Factory, d event.DebugData) error {
	if d.Language != debugger.Go {
		return problem.New(problem.Usage, "--attach opens delve's terminal, and the config's debug.language is %q",
			d.Language).
			WithHint("the debugger runs: attach another client to %s:%d", d.Host, d.Port)
	}
	conn, err := dial(ctx, d)
	if err != nil {
		return err
	}
	defer conn.Close()
	var paths []delve.Paths
	for _, p := range d.Paths {
		paths = append(paths, delve.Paths{Local: p.Local, Remote: p.Remote})
	}
	code, err := delve.Attach(conn, paths)
	if err != nil {
		return err
	}
	if code != 0 {
		return problem.New(problem.Command, "delve's terminal ended with code %d", code).WithExit(code)
	}
	again, err := dial(ctx, d)
	if err != nil {
		return err
	}
	defer again.Close()
	if err := again.SetDeadline(time.Now().Add(resumeLimit)); err != nil {
		return err
	}
	if delve.Resume(again) != nil {
		fmt.Fprintln(f.Err(), "the debugger has ended; start the program with `nhctl dev run` or `nhctl dev debug`")
	}
	return nil
}

// resumeLimit limits what comes after the user has left.
const resumeLimit = 5 * time.Second

func dial(ctx context.Context, d event.DebugData) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(d.Host, strconv.Itoa(d.Port)))
	if err != nil {
		return nil, fmt.Errorf("attach to the debugger: %w", err)
	}
	return conn, nil
}
