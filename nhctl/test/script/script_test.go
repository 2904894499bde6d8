// Package script runs the command line without a cluster: each file of testdata is a script of commands and what they
// print.
package script

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/nhctl/nhctl/nhctl/internal/app"
)

func TestMain(m *testing.M) {
	nhctl := func() { os.Exit(app.Main(os.Args[1:])) }
	testscript.Main(m, map[string]func(){"nhctl": nhctl, "kubectl-nhctl": nhctl})
}

// exitcode N COMMAND... runs a command that has to end with a code.
func exitcode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitcode N COMMAND ARGS...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if want := args[0]; strconv.Itoa(got) != want {
		ts.Fatalf("exit code %d, want %s", got, want)
	}
}

// stopLimit limits how long a daemon may take to end.
const stopLimit = 30 * time.Second

// stopDaemon ends the daemon that a script has started, if any, and waits until it has released its lock.
func stopDaemon(state string, env []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	lock := filepath.Join(state, "nhctl", "daemon.lock")
	if _, err := os.Stat(lock); err != nil {
		return nil // no script command has needed one
	}
	stop := exec.CommandContext(ctx, "nhctl", "daemon", "stop")
	stop.Env = env
	if out, err := stop.CombinedOutput(); err != nil {
		return fmt.Errorf("stop the daemon: %w: %s", err, out)
	}
	held := flock.New(lock)
	if _, err := held.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return fmt.Errorf("the daemon does not end: %w", err)
	}
	return held.Close()
}

// setup gives a script a home folder of its own, with a short name: the path of a socket has few characters.
func setup(e *testscript.Env) error {
	home, err := os.MkdirTemp("", "nhctl-script-")
	if err != nil {
		return err
	}
	e.Setenv("HOME", home)
	e.Setenv("XDG_STATE_HOME", home)
	e.Setenv("XDG_RUNTIME_DIR", "")
	e.Setenv("KUBECONFIG", "")
	e.Setenv("USER", "ada")
	e.Defer(func() {
		if err := errors.Join(stopDaemon(home, e.Vars), os.RemoveAll(home)); err != nil {
			e.T().Fatal(err)
		}
	})
	return nil
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:   "testdata",
		Cmds:  map[string]func(*testscript.TestScript, bool, []string){"exitcode": exitcode},
		Setup: setup,
	})
}
