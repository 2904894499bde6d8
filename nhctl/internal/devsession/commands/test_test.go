package commands

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/supervise"
)

// tested is a container whose sources have a test at line 3 of web/cart_test.go.
func tested(t *testing.T) *Container {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":           "module shop\n",
		"web/cart_test.go": "package web\n\nfunc TestCart(t *testing.T) {}\n",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := &Container{Folders: []event.PathData{{Local: t.TempDir(), Remote: "/lib"}, {Local: root, Remote: "/src"}}}
	c.WorkDir = "/src"
	return c
}

// Tests run in the folder of the container that has them, whichever synced folder that is.
func TestTestCommand(t *testing.T) {
	t.Parallel()
	c := tested(t)
	root := c.Folders[1].Local
	for name, tt := range map[string]struct {
		test    rpc.Test
		want    string
		problem problem.Code
	}{
		"one": {
			test: rpc.Test{File: filepath.Join(root, "web/cart_test.go"), Line: 3},
			want: "/src/web: go test -count=1 -v -run ^TestCart$ .",
		},
		"none at the line":    {test: rpc.Test{File: root + "/web/cart_test.go", Line: 1}, problem: problem.NotFound},
		"no such file":        {test: rpc.Test{File: root + "/web/other_test.go"}, problem: problem.NotFound},
		"outside":             {test: rpc.Test{File: "/etc/cart_test.go"}, problem: problem.Usage},
		"next to it":          {test: rpc.Test{File: root + "-old/cart_test.go"}, problem: problem.Usage},
		"all, with no marker": {problem: problem.Usage},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			argv, dir, err := c.testCommand(tt.test)
			if tt.problem != "" {
				if got := codeOf(err); got != tt.problem {
					t.Errorf("%q: %v", got, err)
				}
				return
			}
			if got := dir + ": " + strings.Join(argv, " "); got != tt.want || err != nil {
				t.Errorf("got %q, want %q (%v)", got, tt.want, err)
			}
		})
	}
	all := tested(t)
	all.Folders = all.Folders[1:]
	argv, dir, err := all.testCommand(rpc.Test{})
	if got := dir + ": " + strings.Join(argv, " "); got != "/src: sh -c go test -fullpath ./..." || err != nil {
		t.Errorf("all: %q, %v", got, err)
	}
}

// Tests under a debugger take the place of the program, and no one starts them again in another pod.
func TestDebugTest(t *testing.T) {
	t.Parallel()
	on(t, config.Dev{}, func(t *testing.T, s *stage) {
		s.Folders = tested(t).Folders
		s.supervisor.start(s.supervisor.of(supervise.Run), supervise.Spec{Argv: []string{"./before"}})
		test := rpc.Test{File: filepath.Join(s.Folders[1].Local, "web/cart_test.go"), Line: 3}
		_, err := s.Debug(s.Context, rpc.Debug{Test: &test})
		if err == nil || !strings.Contains(err.Error(), "wait for the debugger on port 2345") {
			t.Error(err)
		}
		want := []string{"start run: ./before", "start debug: dlv"}
		if diff := cmp.Diff(want, s.supervisor.called()); diff != "" {
			t.Error(diff)
		}
		if got := wants(s); got != "" {
			t.Errorf("wanted: %q", got)
		}
	})
}

// A line of a command's output has paths of this computer where the caller wants them.
func TestLogEvent(t *testing.T) {
	t.Parallel()
	c := &Container{Folders: []event.PathData{{Local: "/home/ada/web", Remote: "/src"}}}
	for local, want := range map[bool]string{false: "/src/a.go:1: no", true: "/home/ada/web/a.go:1: no"} {
		e := c.logEvent(supervise.Build, supervise.Line{Text: "/src/a.go:1: no"}, local)
		if e.Log.Text != want {
			t.Errorf("local %t: %q", local, e.Log.Text)
		}
	}
}
