// Package terminal runs programs in the dev container whose streams are the user's own: what `dev terminal`, `dev exec`
// and `dev start` share. A program goes on over a lost connection, and so does what this package shows of it.
package terminal

import (
	"context"
	"encoding/json"
	"os"
	"runtime"
	"time"

	"golang.org/x/term"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/localpath"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
	"github.com/nhctl/nhctl/sidecar/resume"
	"github.com/nhctl/nhctl/sidecar/supervise"
)

// Options say how a program's streams lead to the user.
type Options struct {
	// TTY gives the program a terminal, where the user has one.
	TTY bool
	// LocalPaths shows paths of the synced folders as they are on this computer.
	LocalPaths bool
}

// Shell opens a shell in the folder of the sources, or with newest the one that was opened last.
func Shell(ctx context.Context, f *factory.Factory, t rpc.Target, newest bool) error {
	return run(ctx, f, rpc.Attach{Target: t, Console: rpc.Console{Newest: newest, Keep: true}}, Options{TTY: true},
		f.Streams)
}

// Exec runs a program in the folder of the sources; its exit code is a problem.Exit.
func Exec(ctx context.Context, f *factory.Factory, t rpc.Target, o Options, argv []string) error {
	return run(ctx, f, rpc.Attach{Target: t, Console: rpc.Console{Argv: argv}}, o, f.Streams)
}

// Once is Exec, once everything that was saved before is in the container.
func Once(ctx context.Context, f *factory.Factory, t rpc.Target, o Options, argv []string) error {
	return run(ctx, f, rpc.Attach{Target: t, Console: rpc.Console{Argv: argv}, Synced: true}, o, f.Streams)
}

// Test runs tests likewise.
func Test(ctx context.Context, f *factory.Factory, t rpc.Target, o Options, test rpc.Test) error {
	return run(ctx, f, rpc.Attach{Target: t, Test: &test, Synced: true}, o, f.Streams)
}

// Pipe runs a program in the folder of the sources with streams of its caller's.
func Pipe(ctx context.Context, f *factory.Factory, t rpc.Target, argv []string, streams ui.Streams) error {
	return run(ctx, f, rpc.Attach{Target: t, Console: rpc.Console{Argv: argv}}, Options{}, streams)
}

func run(ctx context.Context, f *factory.Factory, call rpc.Attach, o Options, streams ui.Streams) error {
	a := &call.Console
	stdin, _ := streams.In.(*os.File)
	tty := o.TTY && ui.IsTerminal(streams.In) && ui.IsTerminal(streams.Out)
	a.Keep = a.Keep && tty
	if tty {
		a.Size, a.Env = size(stdin), manners(f.Env())
	}
	c := newCaller(f, call, stdin, streams)
	conn, turn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	if o.LocalPaths {
		defer c.showLocalPaths()()
	}
	// From here on, an interruption is the program's.
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	if tty {
		state, err := term.MakeRaw(int(stdin.Fd()))
		if err != nil {
			conn.Close()
			return err
		}
		defer func() { _ = term.Restore(int(stdin.Fd()), state) }()
		go c.tellSizes(ctx)
	}
	go c.tellSignals(ctx, cancel)
	go c.tellInput(ctx, cancel, streams.In) // reading can't be cancelled: it ends with this program
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		if err := c.serve(ctx, conn, turn); err != nil {
			cancel(err)
		}
	}()
	err = c.show(ctx)
	c.end.Over()
	select {
	case <-kept:
	case <-time.After(lastWords):
		cancel(nil)
		<-kept
	}
	return err
}

// showLocalPaths rewrites paths in the output, until the function is called.
func (c *caller) showLocalPaths() (end func()) {
	out, errs := localpath.NewWriter(c.out, c.folders), localpath.NewWriter(c.errs, c.folders)
	c.out, c.errs = out, errs
	return func() { _, _ = out.Flush(), errs.Flush() }
}

// lastWords is how long the far end may take to hear that its last message came.
const lastWords = time.Second

// manners is what a program has to know of the user's terminal.
func manners(env map[string]string) map[string]string {
	known := map[string]string{}
	for _, name := range []string{"TERM", "COLORTERM"} {
		if value := env[name]; value != "" {
			known[name] = value
		}
	}
	if known["TERM"] == "" && runtime.GOOS == "windows" {
		known["TERM"] = "xterm-256color" // which it is, and does not say
	}
	return known
}

// show prints what the program prints, and returns how it ended.
func (c *caller) show(ctx context.Context) error {
	for {
		m, err := c.end.Receive(ctx)
		if err != nil {
			return context.Cause(ctx)
		}
		switch m.Kind {
		case supervise.KindOutput:
			_, err = c.out.Write(m.Data)
		case supervise.KindError:
			_, err = c.errs.Write(m.Data)
		case supervise.KindExit:
			return c.exit(m)
		}
		if err != nil {
			return err
		}
	}
}

func (c *caller) exit(m resume.Message) error {
	var exit supervise.Exit
	if err := json.Unmarshal(m.Data, &exit); err != nil {
		return problem.New(problem.Internal, "how the program ended: %w", err)
	}
	if exit.Code != 0 {
		return problem.Exit(exit.Code)
	}
	return nil
}

// size reads a terminal's present size.
func size(f *os.File) *rpc.Size {
	w, h, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return &rpc.Size{Columns: 80, Rows: 24}
	}
	return &rpc.Size{Columns: uint16(w), Rows: uint16(h)}
}
