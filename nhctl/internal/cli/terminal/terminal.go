// Package terminal runs programs in the dev container with the user's own terminal: what `dev terminal`, `dev exec` and `dev start`
// share.
package terminal

import (
	"context"
	"os"

	"golang.org/x/term"

	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/kube"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// Shell opens a login shell in the sources' folder.
func Shell(ctx context.Context, f *factory.Factory, t rpc.Target) error {
	return in(ctx, f, t, true, func(c rpc.Container) []string {
		argv := []string{contract.Binary, "shell", "--dir", c.WorkDir}
		if len(c.Shell) > 0 {
			argv = append(argv, "--shell", c.Shell[0])
		}
		return argv
	})
}

// Exec runs a program in the sources' folder; its exit code is a *kube.ExitError.
func Exec(ctx context.Context, f *factory.Factory, t rpc.Target, tty bool, command []string) error {
	return in(ctx, f, t, tty, func(c rpc.Container) []string {
		return append([]string{contract.Binary, "exec", "--dir", c.WorkDir, "--"}, command...)
	})
}

func in(ctx context.Context, f *factory.Factory, t rpc.Target, tty bool, argv func(rpc.Container) []string) error {
	var c rpc.Container
	if err := f.Call(ctx, rpc.MethodContainer, t, &c); err != nil {
		return err
	}
	cluster, err := f.Kube()
	if err != nil {
		return err
	}
	o := kube.ExecOptions{Pod: c.Pod, Container: c.Container, Command: argv(c), Stdin: f.Streams.In, Stdout: f.Streams.Out, Stderr: f.Streams.Err}
	stdin, ok := f.Streams.In.(*os.File)
	if !tty || !ok || !ui.IsTerminal(f.Streams.In) || !ui.IsTerminal(f.Streams.Out) {
		return cluster.Exec(ctx, o)
	}
	state, err := term.MakeRaw(int(stdin.Fd()))
	if err != nil {
		return err
	}
	defer func() { _ = term.Restore(int(stdin.Fd()), state) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	o.TTY, o.Sizes = true, sizes(ctx, stdin)
	return cluster.Exec(ctx, o)
}

// size reads the terminal's present size.
func size(f *os.File) (kube.TerminalSize, bool) {
	w, h, err := term.GetSize(int(f.Fd()))
	return kube.TerminalSize{Width: uint16(w), Height: uint16(h)}, err == nil
}
