// Package debugport offers the debugger of a command's program on one port, whichever of the command's processes the
// program is: package managers, build tools, shells and reloaders start it as their child, and start it again. The
// environment has each process that may be the program open its debugger on a loopback address of ours, and a port of
// its own; clients are led to the one that counts. It knows nothing of sessions, and of debuggers' protocols no more
// than leading to them takes.
package debugport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// Options say what to run, and where to offer its debugger.
type Options struct {
	// Language is that of the program, as in the config.
	Language string
	// Listen is the loopback address that clients know.
	Listen netip.AddrPort
	// Wait keeps the program before its first line until a client lets it go on.
	Wait bool
	// Argv is the command.
	Argv []string
	// Stdout and Stderr are the command's.
	Stdout, Stderr io.Writer
	// Dir is for what the processes load; empty means a folder that the containers of the pod share.
	Dir string
}

// server leads clients to debuggers.
type server struct {
	language
	hosts  hosts
	wait   bool
	stderr io.Writer
	// met says that a client has been led to the program.
	met atomic.Bool
}

// Serve runs the command, and leads clients to the debugger of its program until it ends. It returns the command's exit
// code, as a shell has it.
func Serve(ctx context.Context, o Options) (int, error) {
	l, ok := languages()[o.Language]
	if !ok || len(o.Argv) == 0 {
		return 0, fmt.Errorf("a command in a language is needed, not %q in %q", o.Argv, o.Language)
	}
	s := &server{language: l, hosts: hostsOf(o.Listen.Port(), uint8(rand.Uint32())), wait: o.Wait, stderr: o.Stderr}
	if o.Dir == "" {
		o.Dir = filepath.Join(contract.RunDir, fmt.Sprintf("debug-%d", o.Listen.Port()))
	}
	env, err := s.prepare(o.Dir)
	if err != nil {
		return 0, fmt.Errorf("prepare the environment for the debugger: %w", err)
	}
	o.Argv = kept(o.Argv, o.Dir)
	s.end()
	defer s.end()
	if err := free(o.Listen); err != nil {
		return 0, fmt.Errorf("listen for debuggers: %w", err)
	}
	// it serves as long as the command lives, which has the signals too
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var serving sync.WaitGroup
	defer serving.Wait()
	defer cancel()
	serving.Go(func() {
		s.watch(ctx, func() { serving.Go(func() { s.offer(ctx, o.Listen) }) })
	})
	return run(o, env)
}

// free tells of a port that is taken before the command runs. It does not listen there itself, not even for a moment:
// someone may ask just then whether there is a program.
func free(address netip.AddrPort) error {
	conn, err := net.DialTimeout("tcp", address.String(), time.Second)
	if err != nil {
		return nil
	}
	conn.Close()
	return fmt.Errorf("%s: %w", address, syscall.EADDRINUSE)
}

// offer leads the clients of a port to debuggers. It begins when there is a program: a port that takes connections says
// that there is one.
func (s *server) offer(ctx context.Context, address netip.AddrPort) {
	listener, err := net.Listen("tcp", address.String())
	if err != nil {
		fmt.Fprintln(s.stderr, "nhctl: listen for debuggers:", err)
		return
	}
	s.lead(ctx, s, listener)
}

// end ends what runs left behind, with the ports of their programs; the daemons of build tools too, which may start
// programs with the environment of their own run.
func (s *server) end() {
	for _, t := range ofRuns("/proc", s.hosts) {
		kill(t.pid)
	}
}

// kill ends a process, if it is still there.
func kill(pid int) {
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill()
	}
}

// kept has a command that sets PYTHONPATH itself keep the folder of the hooks, wherever in its text that is.
func kept(argv []string, dir string) []string {
	const variable = "PYTHONPATH="
	var words []string
	for _, word := range argv {
		words = append(words, strings.ReplaceAll(word, variable, variable+dir+":"))
	}
	return words
}

// run runs the command. Signals reach it by themselves: it is in this process' group.
func run(o Options, env []string) (int, error) {
	cmd := exec.Command(o.Argv[0], o.Argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = os.Stdin, o.Stdout, o.Stderr, env
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		const signaled = 128
		return signaled + int(status.Signal()), nil
	}
	return cmd.ProcessState.ExitCode(), nil
}

// How often processes are looked at, how long a client waits for a program that is about to start again, and after how
// long it is said that there is none.
const (
	lookEvery = 100 * time.Millisecond
	patience  = 3 * time.Second
	tellAfter = 2 * time.Minute
)

// watch calls found once, when there is a program, and says when there is none for long. It lets processes go on that
// wait for a client and are not the program.
func (s *server) watch(ctx context.Context, found func()) {
	released := map[int]bool{}
	begin, seen, told := time.Now(), false, false
	for !seen || s.wait && s.release != nil {
		all := find("/proc", s.hosts)
		if !seen && len(s.rank(all)) > 0 {
			seen = true
			found()
		}
		for _, t := range all {
			if s.wait && s.release != nil && !released[t.pid] && launches(t.argv) {
				released[t.pid] = s.release(ctx, t) == nil
			}
		}
		if !seen && !told && time.Since(begin) > tellAfter {
			told = true
			fmt.Fprintln(s.stderr, "nhctl: no process of this command has opened a debugger so far;", s.advice)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookEvery):
		}
	}
}

// targets are the debuggers of the program, best first. It waits a moment for one that starts again, but not for the
// first: who asks whether a program is there yet, by whether its debugger keeps the connection, gets an answer at once.
func (s *server) targets(ctx context.Context) []target {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		if all := s.rank(find("/proc", s.hosts)); len(all) > 0 {
			return all
		}
		if !s.met.Load() {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lookEvery):
		}
	}
}
