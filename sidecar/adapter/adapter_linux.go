// Package adapter serves debug adapters that talk on their standard streams, such as LLDB's, on a port: one adapter a
// client, one client after another, next to the program that they attach to. Of what they say it knows paths alone.
package adapter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
)

// Options say what to serve.
type Options struct {
	// Listen is a loopback address.
	Listen string
	// Argv is the program; without one, clients start it themselves.
	Argv []string
	// Stdout and Stderr are the program's.
	Stdout, Stderr io.Writer
}

// Serve starts the program and an adapter for each client, until the program ends. It returns the program's exit code,
// as a shell has it.
func Serve(ctx context.Context, o Options) (int, error) {
	path, err := find(filepath.SplitList(os.Getenv("PATH")))
	if err != nil {
		return 0, err
	}
	listener, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return 0, fmt.Errorf("listen for debuggers: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	var clients sync.WaitGroup
	defer clients.Wait()
	defer listener.Close()
	defer cancel()
	clients.Go(func() { accept(ctx, listener, path, o.Stderr, &clients) })
	if len(o.Argv) == 0 {
		<-ctx.Done()
		return 0, nil
	}
	return run(o)
}

// run runs the program. Signals reach it by themselves: it is in this process' group.
func run(o Options) (int, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(self, append([]string{"traceable", "--"}, o.Argv...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, o.Stdout, o.Stderr
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		const signaled = 128
		return signaled + int(status.Signal()), nil
	}
	return cmd.ProcessState.ExitCode(), nil
}

// accept gives each client an adapter of its own, until the listener is closed.
func accept(ctx context.Context, listener net.Listener, path string, stderr io.Writer, clients *sync.WaitGroup) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		clients.Go(func() {
			defer conn.Close()
			if err := serve(ctx, conn, path, stderr); err != nil && ctx.Err() == nil {
				fmt.Fprintln(stderr, "debug adapter:", err)
			}
		})
	}
}

// serve runs an adapter for a client, until either leaves.
func serve(ctx context.Context, conn net.Conn, path string, stderr io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, path)
	cmd.Stderr = stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	var m mapping
	said := make(chan error, 1)
	go func() {
		err := relay(in, conn, m.fromClient)
		in.Close() // it ends by itself, and lets the program go on
		said <- err
	}()
	err = relay(conn, out, m.fromAdapter)
	conn.Close()
	<-said
	return errors.Join(err, cmd.Wait())
}

// find is LLDB's adapter, by its name now or before, with a version or without: the newest of the first folder that has
// one.
func find(folders []string) (string, error) {
	for _, folder := range folders {
		for _, pattern := range []string{"lldb-dap", "lldb-dap-*", "lldb-vscode", "lldb-vscode-*"} {
			if found, err := filepath.Glob(filepath.Join(folder, pattern)); err == nil && len(found) > 0 {
				return slices.Max(found), nil
			}
		}
	}
	return "", errors.New("the image has no LLDB debug adapter (lldb-dap or lldb-vscode); the dev-cpp image has, " +
		"and the package lldb of most distributions")
}

// Traceable replaces this process by a program that any process of its user may attach to, on systems that allow a
// parent alone (Yama). It only returns when that fails.
func Traceable(argv []string) error {
	if len(argv) == 0 {
		return errors.New("no program to run")
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return err
	}
	const setPtracer, anybody = 0x59616d61, ^uintptr(0) // PR_SET_PTRACER, PR_SET_PTRACER_ANY
	// an error means that there is no such limit
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, setPtracer, anybody, 0)
	return syscall.Exec(path, argv, os.Environ())
}
