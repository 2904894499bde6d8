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
	s := server{path: path, stderr: o.Stderr}
	if len(o.Argv) == 0 {
		clients.Go(func() { s.accept(ctx, listener, &clients) })
		<-ctx.Done()
		return 0, nil
	}
	program, err := start(o)
	if err != nil {
		return 0, err
	}
	s.pid = program.Process.Pid
	clients.Go(func() { s.accept(ctx, listener, &clients) })
	return ended(program)
}

// start starts the program. Signals reach it by themselves: it is in this process' group.
func start(o Options) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, append([]string{"traceable", "--"}, o.Argv...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, o.Stdout, o.Stderr
	return cmd, cmd.Start()
}

// ended waits for the program, and returns its exit code.
func ended(cmd *exec.Cmd) (int, error) {
	err := cmd.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		const signaled = 128
		return signaled + int(status.Signal()), nil
	}
	return cmd.ProcessState.ExitCode(), nil
}

// server gives clients LLDB's adapter.
type server struct {
	path   string // of the adapter
	stderr io.Writer
	pid    int // the program's; 0 where clients start it
}

// accept gives each client an adapter of its own, until the listener is closed.
func (s server) accept(ctx context.Context, listener net.Listener, clients *sync.WaitGroup) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		clients.Go(func() {
			defer conn.Close()
			if err := s.serve(ctx, conn); err != nil && ctx.Err() == nil {
				fmt.Fprintln(s.stderr, "debug adapter:", err)
			}
		})
	}
}

// serve runs an adapter for a client, until either leaves.
func (s server) serve(ctx context.Context, conn net.Conn) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.path)
	cmd.Stderr = s.stderr
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
	m := mapping{pid: s.pid}
	said := make(chan error, 1)
	go func() {
		err := relay(in, conn, m.fromClient)
		_, _ = io.WriteString(in, leave) // where the client has not; else it has ended
		in.Close()
		said <- err
	}()
	err = relay(conn, out, m.fromAdapter)
	conn.Close()
	_, _ = io.Copy(io.Discard, out) // what it says to no one any more, until it has ended
	<-said
	return errors.Join(err, cmd.Wait())
}

// leave has an adapter let the program go on. LLDB's aborts where its input ends without that, and may take the program
// along.
const leave = "Content-Length: 98\r\n\r\n" +
	`{"seq":1000000000,"type":"request","command":"disconnect","arguments":{"terminateDebuggee":false}}`

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
