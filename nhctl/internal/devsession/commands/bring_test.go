package commands

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/debugger/carried"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// built is as much of delve for arm64 as the architecture is read from.
func built() []byte {
	header := append([]byte{0x7f, 'E', 'L', 'F', 2, 1, 1, 0}, make([]byte, 56)...)
	header[16], header[18], header[20], header[52] = 2, 183, 1, 64
	return header
}

// Where the image has no debugger, one that was built before is brought; without any, the container's Go installs it;
// and without that, the error says both.
func TestBring(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		arch  string
		image map[string]string // tools that the image has
		built bool
		exec  func(tools map[string]string) func(argv []string, stdout io.Writer) error
		want  map[string]string
		code  problem.Code
		says  []string
	}{
		"the image has one": {
			arch:  "arm64",
			image: map[string]string{"dlv": "of the image"},
			built: true,
			want:  map[string]string{"dlv": "of the image"},
		},
		"a supervisor that knows no tools": {built: true},
		"built before": {
			arch:  "arm64",
			built: true,
			want:  map[string]string{"dlv": string(built())},
		},
		"built for another architecture": {
			arch:  "amd64",
			built: true,
			code:  problem.NotReady,
			says:  []string{"there is no go command in your PATH", "no program here"},
		},
		"no architecture that there is": {
			arch: "../../amd64",
			code: problem.NotReady,
			says: []string{`not for "../../amd64"`},
		},
		"installed in the container": {
			arch: "arm64",
			exec: func(tools map[string]string) func(argv []string, stdout io.Writer) error {
				return func(argv []string, _ io.Writer) error {
					if !strings.Contains(argv[2], "exec go install -trimpath '-ldflags=-s -w' "+
						"github.com/go-delve/delve/cmd/dlv@"+carried.DelveVersion) {
						return errors.New("another command")
					}
					tools["dlv"] = "installed"
					return nil
				}
			},
			want: map[string]string{"dlv": "installed"},
		},
		"no network in the container": {
			arch: "arm64",
			exec: func(map[string]string) func(argv []string, stdout io.Writer) error {
				return func(_ []string, stdout io.Writer) error {
					_, _ = io.WriteString(stdout, "dial tcp: no such host\n")
					return errors.New("exit code 1")
				}
			},
			code: problem.NotReady,
			says: []string{"there is no go command in your PATH", "exit code 1: dial tcp: no such host"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			on(t, config.Dev{}, func(t *testing.T, s *stage) {
				s.supervisor.arch = tt.arch
				for name, content := range tt.image {
					s.supervisor.tools[name] = content
				}
				if tt.built {
					file := filepath.Join(s.Tools, "dlv-"+carried.DelveVersion+"-linux-arm64")
					if err := os.WriteFile(file, built(), 0o755); err != nil {
						t.Fatal(err)
					}
				}
				if tt.exec != nil {
					s.host.exec = tt.exec(s.supervisor.tools)
				}
				err := s.bring(s.Context, rpc.Caller{}, "dlv")
				if got := codeOf(err); got != tt.code {
					t.Errorf("it ended with %q: %v", got, err)
				}
				for _, text := range tt.says {
					if err == nil || !strings.Contains(err.Error(), text) {
						t.Errorf("%v, want %q", err, text)
					}
				}
				if err != nil && problem.From(err).Hint == "" {
					t.Error("it says no next step")
				}
				want := tt.want
				if want == nil {
					want = map[string]string{}
				}
				if diff := cmp.Diff(want, s.supervisor.tools); diff != "" {
					t.Error(diff)
				}
				if err := s.bring(s.Context, rpc.Caller{}, ""); err != nil {
					t.Errorf("no tool: %v", err)
				}
			})
		})
	}
}

// A new pod has none of what was brought to the one before: its program is started when it has its debugger again.
func TestStartWantedBringsTheDebugger(t *testing.T) {
	t.Parallel()
	on(t, web(), func(t *testing.T, s *stage) {
		s.supervisor.arch = "arm64"
		file := filepath.Join(s.Tools, "dlv-"+carried.DelveVersion+"-linux-arm64")
		if err := os.WriteFile(file, built(), 0o755); err != nil {
			t.Fatal(err)
		}
		w := &Wanted{Command: "debug", Debugger: &Debugger{Language: "go", Port: 2345, Tool: "dlv"}}
		w.Spec.Argv = []string{"./web"}
		s.supervisor.fails = map[string]int{"debug": 1}
		s.host.wanted = w
		s.StartWanted(s.Context)
		if s.supervisor.tools["dlv"] != string(built()) {
			t.Error("the debugger is not there")
		}
	})
}

// exit is how a command in the container ended.
type exit int

func (e exit) Error() string   { return "exit code" }
func (e exit) ExitStatus() int { return int(e) }

// A Python without debugpy gets its wheel. Where that can't be had, the program starts all the same: it may have a
// debugpy of its own.
func TestBringDebugpy(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		imports, installs error
		scripts           int
		notice            string
	}{
		"the image has it":           {scripts: 1},
		"no one may ask":             {imports: errors.New("forbidden"), scripts: 1},
		"installed in the container": {imports: exit(1), scripts: 2},
		"neither": {
			imports:  exit(1),
			installs: errors.New("no network"),
			scripts:  2,
			notice:   "there is no python3 in your PATH; nor can the container install it: no network",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			on(t, config.Dev{}, func(t *testing.T, s *stage) {
				s.supervisor.arch = "arm64"
				scripts := 0
				s.host.exec = func(argv []string, _ io.Writer) error {
					scripts++
					if strings.Contains(argv[2], "pip install") {
						return tt.installs
					}
					return tt.imports
				}
				if err := s.bring(s.Context, rpc.Caller{}, "debugpy.whl"); err != nil {
					t.Error(err)
				}
				if scripts != tt.scripts {
					t.Errorf("the container ran %d scripts, want %d", scripts, tt.scripts)
				}
				var notices []string
				for _, e := range s.heard {
					if e.Message != "" {
						notices = append(notices, e.Message)
					}
				}
				if got := strings.Join(notices, "\n"); (got == "") != (tt.notice == "") ||
					!strings.Contains(got, tt.notice) {
					t.Errorf("notices: %q, want %q", got, tt.notice)
				}
				s.supervisor.tools["debugpy.whl"], scripts = "wheel", 0
				if err := s.bring(s.Context, rpc.Caller{}, "debugpy.whl"); err != nil || scripts > 0 {
					t.Errorf("it was brought before: %d scripts, %v", scripts, err)
				}
			})
		})
	}
}
