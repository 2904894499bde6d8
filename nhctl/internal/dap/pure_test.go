package dap

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/baseprotocol"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// slow is a daemon whose calls last until they are cancelled.
type slow struct{ begun chan struct{} }

func (s *slow) Caller(Place) rpc.Caller { return rpc.Caller{} }

func (s *slow) Call(ctx context.Context, _ string, _, _ any, _ func(event.Event)) error {
	close(s.begun)
	<-ctx.Done()
	return ctx.Err()
}

// A search for the program looks again as soon as its output tells of a start.
func TestStartEndsThePause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &Adapter{Options: Options{Patience: time.Hour}, startedAgain: make(chan struct{}, 1)}
		s := search{Adapter: a, since: time.Now()}
		for _, l := range []event.LogData{
			{Command: build, Stream: nhctlStream, Text: contract.RemarkStarted + "go build"},
			{Command: debug, Stream: "stdout", Text: contract.RemarkStarted + "words of the program"},
			{Command: debug, Stream: nhctlStream, Text: "hot reload"},
			{Command: debug, Stream: nhctlStream, Text: contract.RemarkStarted + "dlv exec"},
			{Command: debug, Stream: nhctlStream, Text: contract.RemarkStarted + "dlv exec"},
		} {
			a.hearStart(l)
		}
		begun := time.Now()
		var pauses []time.Duration
		for range 2 {
			if !s.rest(t.Context(), look, "") {
				t.Fatal("the search is given up")
			}
			pauses = append(pauses, time.Since(begun))
		}
		if diff := cmp.Diff([]time.Duration{0, look}, pauses); diff != "" {
			t.Errorf("the pauses end after (-want +got):\n%s", diff)
		}
	})
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		command, text string
		want          Arguments
		problem       string
	}{
		"none":     {command: "launch"},
		"null":     {command: "launch", text: "null"},
		"clients'": {command: "launch", text: `{"type":"nhctl","name":"x","request":"launch","__sessionId":"1"}`},
		"some": {
			command: "launch",
			text:    `{"workload":"web","wait":true,"port":4,"env":{"A":"b"}}`,
			want:    Arguments{Workload: "web", Wait: true, Port: 4, Env: map[string]string{"A": "b"}},
		},
		"left open": {
			command: "attach",
			text:    `{"args":[],"noDebug":false}`,
			want:    Arguments{Args: []string{}},
		},
		"a near name": {
			command: "launch",
			text:    `{"worklaod":"web"}`,
			problem: `launch: there is no argument "worklaod"; did you mean "workload"?`,
		},
		"a far name": {command: "attach", text: `{"zzz":1}`, problem: `attach: there is no argument "zzz"`},
		"a wrong type": {
			command: "launch",
			text:    `{"args":"-v"}`,
			problem: `launch: the argument "args" is to be a list of texts`,
		},
		"a test": {
			command: "launch",
			text:    `{"test":"/w/a_test.go:3"}`,
			want:    Arguments{Test: "/w/a_test.go:3"},
		},
		"a test at no line": {
			command: "launch",
			text:    `{"test":"a_test.go:x"}`,
			problem: `"x" is no line of a_test.go`,
		},
		"a test without a debugger": {
			command: "launch",
			text:    `{"test":"a_test.go","noDebug":true}`,
			problem: `launch: "test" goes with neither "noDebug" nor "args"`,
		},
		"a test to attach to": {
			command: "attach",
			text:    `{"test":"a_test.go"}`,
			problem: `attach: "test" is an argument of launch`,
		},
		"of launch": {command: "attach", text: `{"args":["-v"]}`, problem: `attach: "args" is an argument of launch`},
		"a port":    {command: "launch", text: `{"port":70000}`, problem: `launch: 70000 is no port`},
		"a variable": {
			command: "launch",
			text:    `{"env":{"A=B":"c"}}`,
			problem: `launch: "A=B" is no name of a variable`,
		},
		"no object":    {command: "launch", text: `[]`, problem: `launch: the arguments are no object: `},
		"not replaced": {command: "launch", text: `{"folder":"${w}"}`, problem: `launch: the editor has not`},
		"of a debugger": {
			command: "launch",
			text:    `{"debugger":[]}`,
			problem: `launch: the argument "debugger" is to be an object`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseArguments(tt.command, json.RawMessage(tt.text))
			if tt.problem != "" {
				if p := problem.From(err); p.Code != problem.Usage || !strings.HasPrefix(p.Message, tt.problem) {
					t.Errorf("%v, want %q", err, tt.problem)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A test is named as the editor's folder has it.
func TestDebugOfTests(t *testing.T) {
	t.Parallel()
	target := rpc.Target{Caller: rpc.Caller{Dir: "/w"}}
	for text, want := range map[string]*rpc.Test{
		"":               nil,
		"a_test.go":      {File: "/w/a_test.go"},
		"b/a_test.go:3":  {File: "/w/b/a_test.go", Line: 3},
		"/v/a_test.go:3": {File: "/v/a_test.go", Line: 3},
	} {
		if diff := cmp.Diff(want, Arguments{Test: text}.debug(target).Test); diff != "" {
			t.Error(text, diff)
		}
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	at := func(n int64) *time.Time { when := time.Unix(n, 0); return &when }
	code := func(n int) *int { return &n }
	last := lastSeen{command: debug, started: *at(5), ago: time.Second, grace: grace}
	told, long := last, last
	told.over = true
	long.over, long.ago = true, 2*grace
	runs := event.CommandData{Name: debug, State: "running", Started: at(5)}
	again := event.CommandData{Name: debug, State: "running", Started: at(9)}
	exited := event.CommandData{Name: debug, State: "exited", Started: at(5), ExitCode: code(2)}
	killed := event.CommandData{
		Name:      debug,
		State:     "exited",
		Started:   at(5),
		Signal:    "killed",
		OOMKilled: true,
		HotReload: true,
	}
	other := event.CommandData{Name: run, State: "running", Started: at(9)}
	none := event.CommandData{Name: run, State: "none"}
	list := func(all ...event.CommandData) []event.CommandData { return all }
	const (
		notYet   = "the pod has not started the program yet"
		stopping = "the program is being stopped"
		oom      = "the program has ended by signal: killed, for lack of memory"
		code2    = "the program has ended with exit code 2"
		replaced = "another command has taken the program's place (run)"
	)
	for name, tt := range map[string]struct {
		link     string
		commands []event.CommandData
		last     lastSeen
		want     verdict
		why      string
	}{
		"it runs":                     {"up", list(runs), last, joins, ""},
		"it runs again":               {"up", list(again), told, joins, ""},
		"no connection":               {"down", list(runs), last, waits, "the connection to the pod is down"},
		"nothing yet":                 {"up", nil, last, waits, notYet},
		"a new pod":                   {"up", list(none), last, waits, notYet},
		"told to end":                 {"up", list(runs), told, waits, stopping},
		"ended under its debugger":    {"up", list(runs), long, ends, "the program has ended"},
		"exited a moment ago":         {"up", list(exited), last, waits, stopping},
		"exited":                      {"up", list(exited), long, ends, code2},
		"killed, and to be reloaded":  {"up", list(killed), long, rests, oom},
		"run without a debugger":      {"up", list(exited, other), last, ends, replaced},
		"run before, and it runs now": {"up", list(again, other), last, joins, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, why := judge(rpc.Session{Link: &event.LinkData{State: tt.link}, Commands: tt.commands}, tt.last)
			if got != tt.want || why != tt.why {
				t.Errorf("%d, %q, want %d, %q", got, why, tt.want, tt.why)
			}
		})
	}
}

// Anything that claims to be a breakpoint is carried or left out.
func TestStrangeBreakpoints(t *testing.T) {
	t.Parallel()
	b := newBreakpoints()
	s, err := b.remember(setSource, json.RawMessage(lines(1, 3, 4)))
	if err != nil {
		t.Fatal(err)
	}
	table := ids{}
	for _, answer := range []string{`7`, `null`, `{}`, `{"breakpoints":null}`, `{"breakpoints":[null,null,null]}`,
		`{"breakpoints":[{"id":{}},{"id":"x","verified":{}}]}`, `{"breakpoints":[7]}`, ``} {
		b.answered(s, json.RawMessage(answer), table)
		b.setAgain(s, json.RawMessage(answer), table)
		b.setAgain(s, json.RawMessage(answer), table)
	}
	if got := b.told("removed", breakpoint{"id": 9.0}, table); got != nil {
		t.Errorf("it tells of %v", got)
	}
	long := `{"source":{"name":"` + strings.Repeat("x", rememberedLimit) + `"}}`
	if _, err := b.remember(setSource, json.RawMessage(long)); err == nil {
		t.Error("there is no limit")
	}
}

// failing is a daemon that does nothing.
type failing struct{}

func (failing) Caller(Place) rpc.Caller { return rpc.Caller{} }

func (failing) Call(context.Context, string, any, any, func(event.Event)) error {
	return problem.New(problem.NoSession, "there is no session")
}

// Whatever a client sends, the adapter ends when the stream does.
func FuzzClient(f *testing.F) {
	f.Add([]byte(""))
	for _, text := range []string{
		`{"seq":1,"type":"request","command":"initialize","arguments":{"supportsProgressReporting":true}}`,
		`{"seq":2,"type":"request","command":"launch","arguments":{"args":["x"],"env":{"A":"b"}}}`,
		`{"seq":3,"type":"request","command":"setBreakpoints","arguments":{"source":{"path":"a"},"breakpoints":[{}]}}`,
		`{"seq":4,"type":"request","command":"disconnect"}`,
	} {
		first := baseprotocol.Frame([]byte(`{"seq":1,"type":"request","command":"initialize"}`))
		f.Add(append(first, baseprotocol.Frame([]byte(text))...))
	}
	f.Fuzz(func(_ *testing.T, data []byte) {
		_ = Serve(context.Background(), Options{In: bytes.NewReader(data), Out: io.Discard, Backend: failing{}})
	})
}

// nowhere is a connection that is closed.
type nowhere struct{ net.Conn }

func (nowhere) Close() error { return nil }

// Whatever a debugger sends, the adapter lives.
func FuzzDebugger(f *testing.F) {
	for _, text := range []string{
		`{"type":"event","event":"stopped","body":{"threadId":1,"hitBreakpointIds":[1,"x"]}}`,
		`{"type":"event","event":"breakpoint","body":{"reason":"new","breakpoint":{"id":1}}}`,
		`{"type":"event","event":"initialized"}`,
		`{"type":"event","event":"terminated","body":[]}`,
		`{"type":"response","request_seq":1,"success":true,"body":{"breakpoints":[null]}}`,
		`{"type":"request","command":"runInTerminal"}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(_ *testing.T, data []byte) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // no one searches for the program
		a := newAdapter(ctx, cancel, Options{Out: io.Discard, Backend: failing{}})
		l := &link{send: make(chan []byte, unreadLimit), pending: map[int]pending{}, ids: ids{}, conn: nowhere{}}
		a.link = l
		s, _ := a.known.remember(setSource, json.RawMessage(lines(1, 3)))
		a.ask(l, "setBreakpoints", nil, 1, func(m message) { a.known.answered(s, m.Body, l.ids) })
		a.ask(l, "setBreakpoints", nil, 1, func(m message) { a.known.setAgain(s, m.Body, l.ids) })
		a.fromDebugger(l, data)
		a.work.Wait()
		a.out.close(flushLimit)
	})
}
