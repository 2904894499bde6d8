// Package script runs the command line without a cluster: each file of testdata is a script of commands and what they print.
package script

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/nhctl/nhctl/nhctl/internal/app"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"nhctl": func() { os.Exit(app.Main(os.Args[1:])) }})
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

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{Dir: "testdata", Cmds: map[string]func(*testscript.TestScript, bool, []string){"exitcode": exitcode}, Setup: func(e *testscript.Env) error {
		// Socket paths are short, and the script's own folder is long.
		short, err := os.MkdirTemp("", "nhctl-script-")
		if err != nil {
			return err
		}
		e.Defer(func() { _ = os.RemoveAll(short) })
		e.Setenv("HOME", short)
		e.Setenv("XDG_STATE_HOME", short)
		e.Setenv("XDG_RUNTIME_DIR", "")
		e.Setenv("KUBECONFIG", "")
		e.Setenv("USER", "ada")
		return nil
	}})
}
