package commands

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/config"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/debugger"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/supervise"
)

// web is built and run by programs of its sources.
func web() config.Dev {
	var dev config.Dev
	dev.Command.Build = config.Command{Argv: []string{"./build"}}
	dev.Command.Run = config.Command{Argv: []string{"./web"}}
	return dev
}

// on is a stage in a time of its own, until the test ends.
func on(t *testing.T, dev config.Dev, test func(t *testing.T, s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, end := newStage(t, dev)
		defer end()
		test(t, s)
	})
}

// wants is the program that the session is to run, "" for none.
func wants(s *stage) string {
	w := s.host.Wanted()
	if w == nil {
		return ""
	}
	return w.Command + ": " + w.Spec.Argv[0]
}

func TestRun(t *testing.T) {
	t.Parallel()
	stops := web()
	stops.OnBuildFailure = stopOnFailure
	for name, tt := range map[string]struct {
		dev     config.Dev
		runs    bool // a service, before
		fails   map[string]int
		call    rpc.Run
		calls   []string
		wanted  string
		problem problem.Code
	}{
		"built and started": {
			dev:    web(),
			calls:  []string{"start build: ./build", "start run: ./web"},
			wanted: "run: ./web",
		},
		"without a build": {
			dev:    web(),
			call:   rpc.Run{NoBuild: true},
			calls:  []string{"start run: ./web"},
			wanted: "run: ./web",
		},
		"a command of the user's own": {
			dev:    web(),
			call:   rpc.Run{Argv: []string{"./other"}},
			calls:  []string{"start run: ./other"},
			wanted: "run: ./other",
		},
		"no command": {problem: problem.Usage},
		"runs already": {
			dev:     web(),
			runs:    true,
			call:    rpc.Run{KeepRunning: true},
			calls:   []string{"start run: ./before"},
			problem: problem.Refused,
		},
		"a failed build leaves the old program": {
			dev:     web(),
			runs:    true,
			fails:   map[string]int{supervise.Build: 2},
			calls:   []string{"start run: ./before", "start build: ./build"},
			problem: problem.Command,
		},
		"a failed build stops it": {
			dev:     stops,
			runs:    true,
			fails:   map[string]int{supervise.Build: 2},
			calls:   []string{"start run: ./before", "start build: ./build", "stop run"},
			problem: problem.Command,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			on(t, tt.dev, func(t *testing.T, s *stage) {
				s.supervisor.fails = tt.fails
				if tt.runs {
					s.supervisor.start(s.supervisor.of(supervise.Run), supervise.Spec{Argv: []string{"./before"}})
				}
				_, err := s.Run(s.Context, tt.call)
				if got := codeOf(err); got != tt.problem {
					t.Errorf("it ended with %q: %v", got, err)
				}
				if diff := cmp.Diff(tt.calls, s.supervisor.called()); diff != "" {
					t.Error(diff)
				}
				if got := wants(s); got != tt.wanted {
					t.Errorf("wanted: %q, want %q", got, tt.wanted)
				}
			})
		})
	}
}

// Further arguments come behind those of the config, and further variables go with what is started.
func TestRunWithArguments(t *testing.T) {
	t.Parallel()
	line := web()
	line.Command.Run = config.Command{Line: []string{"cd web &&", "./web -v"}}
	for name, tt := range map[string]struct {
		dev  config.Dev
		want []string
	}{
		"words":  {web(), []string{"./web", "--name", "a b"}},
		"a line": {line, []string{"sh", "-c", "cd web && ./web -v --name 'a b'"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			on(t, tt.dev, func(t *testing.T, s *stage) {
				env := map[string]string{"LEVEL": "debug"}
				if _, err := s.Run(s.Context, rpc.Run{Args: []string{"--name", "a b"}, Env: env}); err != nil {
					t.Fatal(err)
				}
				spec := s.host.Wanted().Spec
				if diff := cmp.Diff(tt.want, spec.Argv); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff(env, spec.Env); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// What joins only starts nothing.
func TestOnlyJoin(t *testing.T) {
	t.Parallel()
	dev := web()
	dev.Debug.RemoteDebugPort = 4000
	on(t, dev, func(t *testing.T, s *stage) {
		_, err := s.Debug(s.Context, rpc.Debug{OnlyJoin: true})
		if got := codeOf(err); got != problem.NotFound {
			t.Errorf("it ended with %q: %v", got, err)
		}
		if calls := s.supervisor.called(); len(calls) > 0 {
			t.Errorf("it has called %q", calls)
		}
	})
}

// A debugger that answers no one has a client: whoever joins is refused, and does not wait for long. A start is no
// failure then.
func TestTakenDebugger(t *testing.T) {
	t.Parallel()
	dev := web()
	dev.Debug.Language = debugger.Ruby
	dev.Command.Run = config.Command{Argv: []string{"ruby", "web.rb"}}
	on(t, dev, func(t *testing.T, s *stage) {
		s.host.listens = func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }
		s.supervisor.start(s.supervisor.of(supervise.Debug), supervise.Spec{Argv: []string{"ruby"}})
		_, err := s.Debug(s.Context, rpc.Debug{OnlyJoin: true})
		if got := codeOf(err); got != problem.Refused {
			t.Errorf("it ended with %q: %v", got, err)
		}
		if _, err := s.Debug(s.Context, rpc.Debug{}); err != nil {
			t.Errorf("a start: %v", err)
		}
	})
}

// A debugger on a busy node may answer late: whoever joins asks again before that counts as a debugger with a client.
func TestSlowDebugger(t *testing.T) {
	t.Parallel()
	dev := web()
	dev.Debug.Language = debugger.Ruby
	dev.Command.Run = config.Command{Argv: []string{"ruby", "web.rb"}}
	on(t, dev, func(t *testing.T, s *stage) {
		var asked atomic.Int64
		s.host.listens = func(conn net.Conn) {
			if asked.Add(1) < silences {
				_, _ = io.Copy(io.Discard, conn)
				return
			}
			_, _ = conn.Read(make([]byte, 64))
			_, _ = io.WriteString(conn, "PID: 7")
			conn.Close()
		}
		s.supervisor.start(s.supervisor.of(supervise.Debug), supervise.Spec{Argv: []string{"ruby"}})
		if _, err := s.Debug(s.Context, rpc.Debug{OnlyJoin: true}); err != nil {
			t.Error(err)
		}
	})
}

// A program that is started again while a client waits for its debugger is the one that the client has joined.
func TestJoinStartedAgain(t *testing.T) {
	t.Parallel()
	dev := web()
	dev.Debug.Language = debugger.Ruby
	dev.Command.Run = config.Command{Argv: []string{"ruby", "web.rb"}}
	on(t, dev, func(t *testing.T, s *stage) {
		debug := s.supervisor.of(supervise.Debug)
		s.host.listens = func(conn net.Conn) {
			s.supervisor.start(debug, supervise.Spec{Argv: []string{"ruby", "again"}})
			_, _ = conn.Read(make([]byte, 64))
			_, _ = io.WriteString(conn, "PID: 7")
			conn.Close()
		}
		s.supervisor.start(debug, supervise.Spec{Argv: []string{"ruby"}})
		d, err := s.Debug(s.Context, rpc.Debug{OnlyJoin: true})
		if diff := cmp.Diff([]string{"ruby", "again"}, d.Command.Argv); diff != "" || err != nil {
			t.Error(diff, err)
		}
	})
}

// Go's folders are asked for while delve comes up, and not at all of a client that knows them.
func TestPathsOfGo(t *testing.T) {
	t.Parallel()
	known := []event.PathData{{Local: "/ada/web", Remote: "/src"}}
	for name, call := range map[string]rpc.Debug{"unknown": {}, "known": {Paths: known}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			on(t, web(), func(t *testing.T, s *stage) {
				asked := false
				s.host.exec = func(argv []string, _ io.Writer) error {
					asked = slices.Equal(argv, goEnv[:])
					return nil
				}
				got := s.paths(s.Context, call, debugger.Go)()
				if asked == (call.Paths != nil) {
					t.Errorf("Go in the pod was asked: %t", asked)
				}
				want := call.Paths
				if want == nil {
					want = s.Folders
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func codeOf(err error) problem.Code {
	if err == nil {
		return ""
	}
	return problem.From(err).Code
}

func TestBuild(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		call  rpc.Run
		code  int
		calls []string
	}{
		"the config's":      {calls: []string{"start build: ./build"}},
		"the user's own":    {call: rpc.Run{Argv: []string{"make"}}, calls: []string{"start build: make"}},
		"one that does not": {code: 3, calls: []string{"start build: ./build"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			on(t, web(), func(t *testing.T, s *stage) {
				s.supervisor.fails = map[string]int{supervise.Build: tt.code}
				_, err := s.Build(s.Context, tt.call)
				if exit := problem.From(err); (err != nil) != (tt.code != 0) || err != nil && exit.Exit != tt.code {
					t.Errorf("%v", err)
				}
				if diff := cmp.Diff(tt.calls, s.supervisor.called()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// A command starts although saves have not arrived, and says so.
func TestMissingSaves(t *testing.T) {
	t.Parallel()
	on(t, web(), func(t *testing.T, s *stage) {
		s.host.lacking = errors.New("a disk is full")
		if _, err := s.Run(s.Context, rpc.Run{}); err != nil {
			t.Fatal(err)
		}
		told := 0
		for _, e := range s.heard {
			if e.Type == event.Notice && strings.Contains(e.Message, "a disk is full") && e.Session == "0a1b2c3d" {
				told++
			}
		}
		if told != 1 {
			t.Errorf("told %d times: %+v", told, s.heard)
		}
	})
}

// Restart starts what was started last: the config's command, or the user's own.
func TestRestart(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		first rpc.Run
		want  []string
	}{
		"the config's": {
			rpc.Run{NoBuild: true},
			[]string{"start run: ./web", "start build: ./build", "start run: ./web"},
		},
		"the user's own": {rpc.Run{Argv: []string{"./own"}}, []string{"start run: ./own", "start run: ./own"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			on(t, web(), func(t *testing.T, s *stage) {
				if _, err := s.Run(s.Context, tt.first); err != nil {
					t.Fatal(err)
				}
				if _, err := s.Restart(s.Context, rpc.Target{}); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tt.want, s.supervisor.called()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// A restart keeps what the start was given beyond the config, also once the program has ended.
func TestRestartAsStarted(t *testing.T) {
	t.Parallel()
	dev := web()
	dev.Debug.Language = debugger.Ruby
	dev.Command.Run = config.Command{Argv: []string{"ruby", "web.rb"}}
	given := rpc.Run{Args: []string{"--name", "a b"}, Env: map[string]string{"LEVEL": "debug"}, TTY: true}
	run := func(s *stage) error { _, err := s.Run(s.Context, given); return err }
	const held = "debug, held before its first line"
	for name, start := range map[string]func(s *stage) error{
		"run":   run,
		"debug": func(s *stage) error { _, err := s.Debug(s.Context, rpc.Debug{Run: given}); return err },
		held:    func(s *stage) error { _, err := s.Debug(s.Context, rpc.Debug{Run: given, Wait: true}); return err },
		"run, which has ended": func(s *stage) error {
			err := run(s)
			s.supervisor.end(supervise.Run, 1)
			pass(s.Context)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			on(t, dev, func(t *testing.T, s *stage) {
				s.host.listens = func(conn net.Conn) {
					_, _ = conn.Read(make([]byte, 64))
					_, _ = io.WriteString(conn, "PID: 7")
					conn.Close()
				}
				if err := start(s); err != nil {
					t.Fatal(err)
				}
				if _, err := s.Restart(s.Context, rpc.Target{}); err != nil {
					t.Fatal(err)
				}
				spec := s.host.Wanted().Spec
				if spec.Argv[len(spec.Argv)-1] != "a b" || spec.Env["LEVEL"] != "debug" || !spec.TTY {
					t.Errorf("wanted: %+v", spec)
				}
				if d := s.host.Wanted().Debugger; (d != nil && d.Waits) != (name == held) {
					t.Errorf("its debugger: %+v", d)
				}
			})
		})
	}
}

// What the user stops, and what ends by itself, is not started again; what ends with its pod is.
func TestWanted(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		then func(t *testing.T, s *stage)
		want string
	}{
		"it runs": {func(*testing.T, *stage) {}, "run: ./web"},
		"the user stops it": {func(t *testing.T, s *stage) {
			if _, err := s.Stop(s.Context, rpc.Stop{}); err != nil {
				t.Error(err)
			}
		}, ""},
		"it ends by itself": {func(_ *testing.T, s *stage) { s.supervisor.end(supervise.Run, 1) }, ""},
		"it ends and its pod goes": {func(_ *testing.T, s *stage) {
			s.supervisor.end(supervise.Run, 137)
			s.supervisor.lose()
		}, "run: ./web"},
		"a build ends": {func(t *testing.T, s *stage) {
			if _, err := s.Build(s.Context, rpc.Run{}); err != nil {
				t.Error(err)
			}
		}, "run: ./web"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			on(t, web(), func(t *testing.T, s *stage) {
				if _, err := s.Run(s.Context, rpc.Run{}); err != nil {
					t.Fatal(err)
				}
				tt.then(t, s)
				pass(s.Context)
				if got := wants(s); got != tt.want {
					t.Errorf("wanted: %q, want %q", got, tt.want)
				}
			})
		})
	}
}

// pass lets more time pass than a pod takes to end.
func pass(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, 2*endOfPod)
	defer cancel()
	<-limited.Done()
	synctest.Wait()
}

// A new pod gets the wanted command, and one that runs something stays as it is.
func TestStartWanted(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		wanted *Wanted
		runs   bool
		fails  map[string]int
		calls  []string
		note   string
	}{
		"nothing is wanted": {},
		"started again": {
			wanted: &Wanted{
				Command: supervise.Run,
				Build:   []string{"./build"},
				Spec:    supervise.Spec{Argv: []string{"./web"}},
			},
			calls: []string{"start build: ./build", "start run: ./web"},
			note:  "which was started again in pod web-dev-1",
		},
		"it runs": {
			wanted: &Wanted{Command: supervise.Run, Spec: supervise.Spec{Argv: []string{"./web"}}},
			runs:   true,
			calls:  []string{"start run: ./before"},
		},
		"its build fails": {
			wanted: &Wanted{
				Command: supervise.Run,
				Build:   []string{"./build"},
				Spec:    supervise.Spec{Argv: []string{"./web"}},
			},
			fails: map[string]int{supervise.Build: 1},
			calls: []string{"start build: ./build"},
			note:  "which could not be started again in pod web-dev-1: the build failed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			on(t, web(), func(t *testing.T, s *stage) {
				s.supervisor.fails, s.host.wanted = tt.fails, tt.wanted
				if tt.runs {
					s.supervisor.start(s.supervisor.of(supervise.Run), supervise.Spec{Argv: []string{"./before"}})
				}
				s.StartWanted(s.Context)
				if diff := cmp.Diff(tt.calls, s.supervisor.called()); diff != "" {
					t.Error(diff)
				}
				if notes := strings.Join(s.host.notes, "\n"); (notes == "") != (tt.note == "") ||
					!strings.Contains(notes, tt.note) {
					t.Errorf("notes: %q, want %q", notes, tt.note)
				}
			})
		})
	}
}

// Status lists the commands that were started, and names the container where there are several.
func TestStatus(t *testing.T) {
	t.Parallel()
	on(t, web(), func(t *testing.T, s *stage) {
		all, notices := s.Status(s.Context)
		if diff := cmp.Diff([]event.CommandData{{Name: "run", State: "none"}}, all); diff != "" || notices != nil {
			t.Error(diff, notices)
		}
		s.OneOfSeveral = true
		s.supervisor.start(s.supervisor.of(supervise.Run), supervise.Spec{Argv: []string{"./web"}})
		s.supervisor.of(supervise.Run).OOMKilled = true
		all, notices = s.Status(s.Context)
		if len(all) != 1 || all[0].Container != "app" || len(notices) != 1 {
			t.Errorf("%+v, %q", all, notices)
		}
	})
}
