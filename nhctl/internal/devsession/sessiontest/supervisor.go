package sessiontest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/private"
	"github.com/nhctl/nhctl/sidecar/paralleltest"
)

// supervisorEnv has the test's program be a supervisor: it would wait for every child of the process that it is in.
const supervisorEnv = "NHCTL_SESSIONTEST_SUPERVISOR"

// Main runs a package's tests. It is called by TestMain.
func Main(m *testing.M) {
	if socket := os.Getenv(supervisorEnv); socket != "" {
		_ = os.Unsetenv(supervisorEnv) // its commands may be this program, too
		os.Exit(superviseUntilClosed(socket))
	}
	if port := os.Getenv(listenEnv); port != "" {
		os.Exit(listen(port))
	}
	if len(os.Args) > 1 && os.Args[1] == "daemon" { // nhctl would start it when its daemon is gone
		fmt.Fprintln(os.Stderr, "tests start daemons themselves")
		os.Exit(1)
	}
	paralleltest.AtOnce(sessionsAtOnce * runtime.GOMAXPROCS(0))
	os.Exit(m.Run())
}

// sessionsAtOnce is how many sessions a processor serves at once: most of the time they wait for heartbeats.
const sessionsAtOnce = 2

// listenEnv has the test's program be one that takes connections on a port.
const listenEnv = "NHCTL_SESSIONTEST_LISTEN"

// Listening is the command line of a program that takes connections on a port, as a debugger does.
func Listening(port int) string { return fmt.Sprintf("exec env %s=%d %s", listenEnv, port, os.Args[0]) }

func listen(port string) int {
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for {
		if _, err := listener.Accept(); err != nil {
			return 1
		}
	}
}

// superviseUntilClosed is a supervisor until its standard input ends.
func superviseUntilClosed(socket string) int {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); cancel() }()
	if err := supervise(ctx, socket, slog.New(slog.NewTextHandler(os.Stderr, nil))); err != nil {
		fmt.Fprintln(os.Stderr, "supervisor:", err)
		return 1
	}
	return 0
}

// supervisor is a process with the supervisor of a dev container.
type supervisor struct {
	command *exec.Cmd
	input   io.Closer
}

// startSupervisor starts one, and returns once it listens.
func startSupervisor(socket, dir string) (*supervisor, error) {
	c := exec.Command(os.Args[0])
	c.Dir, c.Stderr = dir, os.Stderr
	c.Env = append(os.Environ(), supervisorEnv+"="+socket)
	input, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	started := &supervisor{command: c, input: input}
	if !supervises {
		return started, nil
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); !private.Listens(socket); <-tick.C {
		if time.Now().After(end) {
			started.stop()
			return nil, fmt.Errorf("the supervisor of %s does not come up within %s", socket, limit)
		}
	}
	return started, nil
}

// stop ends the supervisor with all its commands.
func (s *supervisor) stop() {
	s.input.Close() // before it, no one else closes it
	kill := time.AfterFunc(10*time.Second, func() { _ = s.command.Process.Kill() })
	defer kill.Stop()
	_ = s.command.Wait()
}
