package dap

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/baseprotocol"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// A client attaches to the program that runs: it sets breakpoints, sees stops, and leaves the program running.
func TestAttach(t *testing.T) {
	t.Parallel()
	p := newPod(t, "python")
	p.begin()
	e := edit(t, Options{Backend: p})
	can := e.Ask("initialize", `{"adapterID":"x","linesStartAt1":true,"supportsRunInTerminalRequest":true}`)
	if !strings.Contains(string(can.Body), `"supportsTerminateRequest":true`) {
		t.Errorf("it can %s", can.Body)
	}
	begun := e.Send("attach", `{"folder":"/src","debugger":{"justMyCode":false},"type":"nhctl","__id":1}`)
	if got := e.Event("capabilities"); !strings.Contains(got, `"supportsDataBreakpoints":true`) ||
		!strings.Contains(got, `"supportsLogPoints":false`) {
		t.Errorf("the debugger can %s", got)
	}
	e.Event("initialized")
	set := e.Ask("setBreakpoints", lines(1, 7, 9))
	want := `{"breakpoints":[{"id":1,"line":7,"verified":true},{"id":2,"line":9,"verified":true}]}`
	if string(set.Body) != want {
		t.Errorf("it has set %s", set.Body)
	}
	e.Ask("configurationDone", "")
	e.Answer(begun)
	wantAsked := []string{
		`initialize {"adapterID":"nhctl","columnsStartAt1":true,"linesStartAt1":true,"pathFormat":"path",` +
			`"supportsRunInTerminalRequest":false,"supportsStartDebuggingRequest":false}`,
		`attach {"justMyCode":false,"pathMappings":[{"localRoot":"/src","remoteRoot":"/home/dev/src"}]}`,
		"setBreakpoints " + sorted(t, lines(1, 7, 9)),
		"configurationDone",
	}
	if diff := cmp.Diff(wantAsked, p.requests("configurationDone")); diff != "" {
		t.Error(diff)
	}
	p.tell("stopped", `{"reason":"breakpoint","threadId":3,"hitBreakpointIds":[1301]}`)
	if got := e.Event("stopped"); got != `{"hitBreakpointIds":[2],"reason":"breakpoint","threadId":3}` {
		t.Errorf("it stands at %s", got)
	}
	e.Ask("threads", "")
	e.Refused("fails", "", "no such luck")
	p.tell("breakpoint", `{"reason":"changed","breakpoint":{"id":1300,"verified":false}}`)
	if got := e.Event("breakpoint"); got != `{"breakpoint":{"id":1,"verified":false},"reason":"changed"}` {
		t.Errorf("a breakpoint has changed: %s", got)
	}
	p.requests("fails")
	if err := e.leaves(""); err != nil {
		t.Error(err)
	}
	wantAsked = []string{
		`setBreakpoints {"breakpoints":[],"source":{"path":"/src/1.py"}}`,
		`continue {"threadId":3}`,
		`disconnect {"terminateDebuggee":false}`,
	}
	if diff := cmp.Diff(wantAsked, p.requests("disconnect")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{rpc.MethodStatus, rpc.MethodDebug}, p.called()); diff != "" {
		t.Error(diff)
	}
}

// sorted is JSON with its keys in their order.
func sorted(t *testing.T, text string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A launch starts dev mode where the client wishes that, and says what there is to do where it does not.
func TestLaunch(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		initialize, launch string
		session            bool
		calls              []string
		refused            string
		event              string // that is there in the end
	}{
		"no session": {
			launch:  `{}`,
			calls:   []string{rpc.MethodStatus},
			refused: `set "start": true`,
			event:   "terminated",
		},
		"with a start": {
			launch: `{"start":true}`,
			calls:  []string{rpc.MethodStatus, rpc.MethodStart, rpc.MethodDebug},
			event:  "output",
		},
		"with progress": {
			initialize: `{"supportsProgressReporting":true}`,
			launch:     `{"start":true}`,
			calls:      []string{rpc.MethodStatus, rpc.MethodStart, rpc.MethodDebug},
			event:      "progressEnd",
		},
		"in a session": {
			session: true,
			launch:  `{"args":["-v"],"start":true}`,
			calls:   []string{rpc.MethodStatus, rpc.MethodDebug},
			event:   "capabilities",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPod(t, "python")
			if !tt.session {
				p.change(func(s *rpc.Session) { s.ID = "" })
			}
			e := edit(t, Options{Backend: p})
			e.Ask("initialize", tt.initialize)
			if tt.refused != "" {
				e.Refused("launch", tt.launch, tt.refused)
			} else {
				e.Answer(e.Send("launch", tt.launch))
				e.Event("initialized")
			}
			e.Event(tt.event)
			if diff := cmp.Diff(tt.calls, p.called()); diff != "" {
				t.Error(diff)
			}
			if err := e.leaves(""); err != nil {
				t.Error(err)
			}
		})
	}
}

// A build that fails ends the session with what it printed, and its diagnosis.
func TestFailedBuild(t *testing.T) {
	t.Parallel()
	p := newPod(t, "python")
	p.fails[rpc.MethodDebug] = problem.New(problem.Command, "the build failed with exit code {2}").
		WithHint("read it").WithQuestion(problem.YesTo("q", "again?"))
	e := edit(t, Options{Backend: p})
	e.Ask("initialize", "")
	m := e.Refused("launch", "", "the build failed with exit code {2}: read it")
	e.Prints("main.py:1: oh")
	if got := e.Prints("the build failed"); !strings.Contains(got, `"category":"important"`) {
		t.Errorf("it says %s", got)
	}
	e.Event("terminated")
	var body failed
	if err := json.Unmarshal(m.Body, &body); err != nil {
		t.Fatal(err)
	}
	if body.Error.Format != "{message}" || body.Error.Variables["code"] != "command" ||
		!strings.Contains(body.Error.Variables["question"], `"id":"q"`) || body.Problem.Question.ID != "q" {
		t.Errorf("the answer has %s", m.Body)
	}
	e.Refused("evaluate", "", "has ended")
	if err := e.leaves(""); err != nil {
		t.Error(err)
	}
}

// A reload keeps the client's session: its breakpoints are set in the next program, with those that it set in the
// meantime, and nothing of the old program stays.
func TestReload(t *testing.T) {
	t.Parallel()
	p := newPod(t, "python")
	p.mute = []string{"evaluate"}
	p.begin()
	e := edit(t, Options{Backend: p})
	e.begin("attach", "")
	e.Ask(setFunction, `{"breakpoints":[{"name":"f"}]}`)
	e.Ask(setException, `{"filters":["raised"]}`)
	e.Ask("dataBreakpointInfo", `{"name":"x"}`)
	e.Ask(setData, `{"breakpoints":[{"dataId":"x"}]}`)
	e.Ask(setInstruction, `{"breakpoints":[{"instructionReference":"0x1"}]}`)
	p.tell("stopped", `{"reason":"breakpoint","threadId":3}`)
	e.Event("stopped")
	e.Ask("threads", "")
	asked := e.Send("evaluate", `{"expression":"x"}`)
	p.requests("evaluate")

	p.change(func(s *rpc.Session) { s.Link.State = "down" }) // it takes its time
	p.reload()
	if m := e.Response(asked); m.Success || !strings.Contains(m.Message, "started again") {
		t.Errorf("what was asked of the old program: %+v", m)
	}
	if got := e.Event("continued"); got != `{"allThreadsContinued":true,"threadId":3}` {
		t.Errorf("the stop is over: %s", got)
	}
	if got := e.Event("thread"); got != `{"reason":"exited","threadId":3}` {
		t.Errorf("the thread is gone: %s", got)
	}
	if got := e.Ask("threads", "").Body; string(got) != `{"threads":[]}` {
		t.Errorf("in between there are threads: %s", got)
	}
	e.Refused("stackTrace", `{"threadId":3}`, "started again")
	meantime := e.Ask("setBreakpoints", lines(2, 5))
	if !strings.Contains(string(meantime.Body), `"id":5,"message":"it is set once`) {
		t.Errorf("a breakpoint set in the meantime: %s", meantime.Body)
	}
	e.Prints("waiting: the connection to the pod is down")
	p.change(func(s *rpc.Session) { s.Link.State = "up" })
	e.Prints("joined the program that was built again")
	want := []string{
		"setBreakpoints " + sorted(t, lines(1, 7)),
		"setBreakpoints " + sorted(t, lines(2, 5)),
		setFunction + ` {"breakpoints":[{"name":"f"}]}`,
		setException + ` {"filters":["raised"]}`,
		setData + ` {"breakpoints":[{"dataId":"x"}]}`,
		"configurationDone",
	}
	if diff := cmp.Diff(want, p.requests("configurationDone")[2:]); diff != "" {
		t.Error(diff)
	}
	var changed []string
	for range 5 {
		changed = append(changed, e.Event("breakpoint"))
	}
	want = []string{
		`{"breakpoint":{"id":4,"message":"it belongs to the program before this one","verified":false},` +
			`"reason":"changed"}`,
		`{"breakpoint":{"id":1,"line":8,"verified":true},"reason":"changed"}`,
		`{"breakpoint":{"id":5,"line":6,"verified":true},"reason":"changed"}`,
		`{"breakpoint":{"id":2,"line":1,"verified":true},"reason":"changed"}`,
		`{"breakpoint":{"id":3,"line":1,"verified":true},"reason":"changed"}`,
	}
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Errorf("breakpoints have changed (-want +got):\n%s", diff)
	}
	p.tell("stopped", `{"reason":"breakpoint","threadId":3}`)
	e.Event("stopped")
}

// Breakpoints that the client has removed are removed once: what it asks of the next program, or when it leaves, takes
// none away from another client.
func TestRemovedBreakpoints(t *testing.T) {
	t.Parallel()
	p := newPod(t, "go")
	p.begin()
	e := edit(t, Options{Backend: p})
	e.begin("attach", "")
	e.Ask("setBreakpoints", lines(2, 5))
	e.Ask("setBreakpoints", lines(2))
	e.Ask(setException, `{"filters":[]}`)
	p.requests(setException)
	p.reload()
	e.Prints("joined the program that was built again")
	want := []string{"setBreakpoints " + sorted(t, lines(1, 7)), "configurationDone"}
	if diff := cmp.Diff(want, p.requests("configurationDone")[2:]); diff != "" {
		t.Errorf("in the next program (-want +got):\n%s", diff)
	}

	p.change(func(s *rpc.Session) { s.Link.State = "down" })
	p.drop()
	e.Prints("waiting: the connection to the pod is down")
	e.Ask("setBreakpoints", lines(1)) // no one has told the debugger yet
	p.change(func(s *rpc.Session) { s.Link.State = "up" })
	e.Prints("joined the program again")
	want = []string{`setBreakpoints {"breakpoints":[],"source":{"path":"/src/1.py"}}`, "configurationDone"}
	if diff := cmp.Diff(want, p.requests("configurationDone")[2:]); diff != "" {
		t.Errorf("in the same program (-want +got):\n%s", diff)
	}
	if err := e.leaves(""); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{`disconnect {"terminateDebuggee":false}`}, p.requests("disconnect")); diff != "" {
		t.Errorf("when it leaves (-want +got):\n%s", diff)
	}
}

// A lost connection is made again to the same program, which stands where it stood.
func TestLostConnection(t *testing.T) {
	t.Parallel()
	p := newPod(t, "go")
	p.begin()
	e := edit(t, Options{Backend: p})
	e.begin("attach", "")
	e.Ask(setInstruction, `{"breakpoints":[{"instructionReference":"0x1"}]}`)
	p.tell("stopped", `{"reason":"breakpoint","threadId":1}`)
	e.Event("stopped")
	p.requests(setInstruction)
	p.drop()
	e.Prints("joined the program again")
	all := p.requests("configurationDone")
	if !strings.Contains(all[1], `"stopOnEntry":true`) {
		t.Errorf("it attaches with %s", all[1])
	}
	if !slices.ContainsFunc(all, func(s string) bool { return strings.HasPrefix(s, setInstruction) }) {
		t.Errorf("instruction breakpoints are gone: %q", all)
	}
}

// A program that has ended ends the client's session, unless the next change starts it again.
func TestOver(t *testing.T) {
	t.Parallel()
	for name, reloads := range map[string]bool{"for good": false, "until the next change": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPod(t, "python")
			p.begin()
			e := edit(t, Options{Backend: p, Grace: time.Millisecond})
			e.begin("attach", "")
			p.tell("exited", `{"exitCode":3}`)
			p.tell("terminated", "")
			p.mu.Lock()
			p.exit(debug, 3)
			c, _ := commandOf(p.session, "", debug)
			c.HotReload = reloads
			p.set(c)
			p.mu.Unlock()
			if !reloads {
				if got := e.Event("exited"); got != `{"exitCode":3}` {
					t.Errorf("it has exited with %s", got)
				}
				e.Event("terminated")
				return
			}
			e.Prints("the program has ended with exit code 3; the next change")
			p.reload()
			e.Prints("joined the program that was built again")
		})
	}
}

// The exit code is that of the command where its debugger goes without a word.
func TestOverWithoutAWord(t *testing.T) {
	t.Parallel()
	p := newPod(t, "python")
	p.begin()
	e := edit(t, Options{Backend: p, Grace: time.Millisecond})
	e.begin("attach", "")
	p.mu.Lock()
	p.exit(debug, 5)
	p.mu.Unlock()
	if got := e.Event("exited"); got != `{"exitCode":5}` {
		t.Errorf("it has exited with %s", got)
	}
	e.Event("terminated")
}

// Where the program does not come back in time, the session ends with the reason.
func TestPatience(t *testing.T) {
	t.Parallel()
	p := newPod(t, "python")
	p.begin()
	e := edit(t, Options{Backend: p, Patience: 10 * time.Millisecond})
	e.begin("attach", "")
	p.change(func(s *rpc.Session) { s.Link = &event.LinkData{State: "down", Reason: "no route"} })
	p.drop()
	e.Prints("did not come back within 10ms: the connection to the pod is down: no route")
	e.Event("terminated")
	if err := e.leaves(""); err != nil {
		t.Error(err)
	}
}

// A program that was built again is another one, also where joining it fails at first.
func TestReloadJoinedLate(t *testing.T) {
	t.Parallel()
	p := newPod(t, "python")
	p.begin()
	e := edit(t, Options{Backend: p})
	e.begin("attach", "")
	p.mu.Lock()
	p.broken = true
	joins := len(p.calls)
	p.mu.Unlock()
	p.reload()
	p.until("it was joined more than once", func() bool {
		again := 0
		for _, call := range p.calls[joins:] {
			if strings.HasPrefix(call, rpc.MethodDebug) {
				again++
			}
		}
		return again > 1
	})
	p.mu.Lock()
	p.broken = false
	p.mu.Unlock()
	e.Prints("joined the program that was built again")
	p.mu.Lock()
	defer p.mu.Unlock()
	if diff := cmp.Diff([]event.PathData{{Local: "/src", Remote: "/home/dev/src"}}, p.knew); diff != "" {
		t.Errorf("the folders that are known already: %s", diff)
	}
}

// A debugger that takes connections and ends them is no program that came back.
func TestPatienceWithDebugger(t *testing.T) {
	t.Parallel()
	p := newPod(t, "python")
	p.begin()
	e := edit(t, Options{Backend: p, Patience: 10 * time.Millisecond})
	e.begin("attach", "")
	p.mu.Lock()
	p.broken = true
	p.mu.Unlock()
	p.drop()
	e.Prints("did not come back within 10ms: its connection has ended")
	e.Event("terminated")
}

// Terminate stops the program, and so does a client that leaves with it.
func TestTerminate(t *testing.T) {
	t.Parallel()
	want := []string{rpc.MethodStatus, rpc.MethodDebug, rpc.MethodStop}
	for _, command := range []string{"terminate", "disconnect"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			p := newPod(t, "python")
			e := edit(t, Options{Backend: p})
			e.begin("launch", "")
			e.Ask(command, `{"terminateDebuggee":true}`)
			if command == "terminate" {
				e.Event("terminated")
				e.Ask("disconnect", "")
			}
			if err := e.end(); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(want, p.called()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A restart builds and starts the program again; one that fails leaves the session with the old one.
func TestRestart(t *testing.T) {
	t.Parallel()
	p := newPod(t, "python")
	e := edit(t, Options{Backend: p})
	e.begin("launch", "")
	p.mu.Lock()
	p.fails[rpc.MethodDebug] = problem.New(problem.Command, "the build failed")
	p.mu.Unlock()
	e.Refused("restart", "", "the build failed")
	e.Ask("threads", "")
	e.Ask("restart", `{"arguments":{"args":["-v"]}}`)
	e.Prints("joined the program that was built again")
	e.Ask("stackTrace", `{"threadId":3}`)
	p.mu.Lock()
	c, _ := commandOf(p.session, "", debug)
	p.mu.Unlock()
	if diff := cmp.Diff([]string{"./web", "-v"}, c.Argv); diff != "" {
		t.Error(diff)
	}
}

// Without a debugger the program runs, and its output comes, without the words that the supervisor starts it with.
func TestNoDebug(t *testing.T) {
	t.Parallel()
	p := newPod(t, "python")
	e := edit(t, Options{Backend: p})
	e.Ask("initialize", "")
	e.Ask("launch", `{"noDebug":true}`)
	e.Event("initialized")
	e.Ask("setBreakpoints", lines(1, 7))
	e.Ask("configurationDone", "")
	e.Refused("evaluate", "", "without a debugger")
	p.print(event.LogData{Command: build, Stream: nhctlStream, Time: time.Unix(3, 0), Text: "exited with code 0"})
	p.print(event.LogData{Command: run, Stream: nhctlStream, Time: time.Unix(4, 0), Text: "started: sh -c go list"})
	p.print(event.LogData{Command: run, Stream: "stdout", Time: time.Unix(5, 0), Text: "hello"})
	p.print(event.LogData{Command: run, Stream: "stdout", Time: time.Unix(5, 0), Text: "a second time"})
	p.print(event.LogData{Command: run, Stream: "stderr", Time: time.Unix(6, 0), Text: "and more"})
	if got := e.Event("output"); got != `{"category":"console","output":"nhctl: started run\n"}` &&
		got != `{"category":"stdout","output":"hello\n"}` {
		t.Errorf("it prints %s", got)
	}
	if got := e.Prints("and more"); got != `{"category":"stderr","output":"and more\n"}` {
		t.Errorf("it prints %s", got)
	}
	e.Ask("restart", "")
	p.mu.Lock()
	p.exit(run, 4)
	p.mu.Unlock()
	if got := e.Event("exited"); got != `{"exitCode":4}` {
		t.Errorf("it has exited with %s", got)
	}
	e.Event("terminated")
}

// Debuggers of another protocol are for another client.
func TestHandover(t *testing.T) {
	t.Parallel()
	for language, want := range map[string]string{"node": `"type":"node"`, "java": `"type":"java"`, "": ""} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			p := newPod(t, language)
			e := edit(t, Options{Backend: p})
			e.Ask("initialize", "")
			m := e.Refused("launch", "", "does not speak the Debug Adapter Protocol")
			if !strings.Contains(string(m.Body), want) {
				t.Errorf("the answer has no configuration: %s", m.Body)
			}
			if shows := !strings.Contains(string(m.Body), `"showUser":false`); shows != (want == "") {
				t.Errorf("the client shows the error: %v: %s", shows, m.Body)
			}
			if want != "" {
				if got := e.Event("nhctl.handover"); !strings.Contains(got, want) {
					t.Errorf("it hands over %s", got)
				}
			}
			e.Event("terminated")
		})
	}
}

// Requests in a wrong order, or of a wrong shape, get an answer.
func TestWrongRequests(t *testing.T) {
	t.Parallel()
	p := newPod(t, "python")
	e := edit(t, Options{Backend: p})
	e.Refused("launch", "", "initialize comes first")
	e.Refused("initialize", "[]", "initialize")
	e.Ask("initialize", "null")
	e.Refused("initialize", "", "done already")
	e.Refused("configurationDone", "", "nothing to configure")
	e.Refused("stackTrace", "", "nothing was launched")
	e.Refused("threads", "", "nothing was launched")
	e.Refused("terminate", "", "nothing was launched")
	e.Refused("restart", "", "nothing was launched")
	e.Refused("dance", "", "nothing was launched")
	e.Refused("setBreakpoints", "7", "setBreakpoints")
	e.Refused("attach", `{"wait":true}`, `"wait" is an argument of launch`)
	e.Refused("attach", "", "no program runs under a debugger")
	e.Refused("attach", "", "already")
	e.Ask("cancel", "")
	for _, text := range []string{`{"type":"response"}`, `{"type":1}`, `nonsense`, `{"type":"request","seq":70}`} {
		e.Write(string(baseprotocol.Frame([]byte(text))))
	}
	e.Prints("can't be read")
	if m := e.Response(70); m.Success {
		t.Error("a request without a command is answered")
	}
	e.Refused("disconnect", "[]", "disconnect")
	if err := e.leaves(""); err != nil {
		t.Error(err)
	}
}

// A stream that is none of messages ends the adapter with an error; one that ends leaves the program running.
func TestStreams(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"no header": {"hello\r\n\r\n", "no message with a Content-Length"},
		"too long":  {"Content-Length: 99999999999\r\n\r\n", "at most"},
		"in half":   {"Content-Length: 9\r\n\r\n{", "unexpected EOF"},
		"an end":    {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPod(t, "python")
			e := edit(t, Options{Backend: p})
			e.begin("launch", "")
			e.Write(tt.text)
			e.Close()
			err := e.end()
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("it ends with %v", err)
			}
			p.requests("disconnect")
			if slices.Contains(p.called(), rpc.MethodStop) {
				t.Error("it has stopped the program")
			}
		})
	}
}

// Two clients debug one program.
func TestTwoClients(t *testing.T) {
	t.Parallel()
	p := newPod(t, "python")
	p.begin()
	first, second := edit(t, Options{Backend: p}), edit(t, Options{Backend: p})
	first.begin("attach", "")
	second.begin("attach", "")
	p.tell("stopped", `{"reason":"breakpoint","threadId":3}`)
	first.Event("stopped")
	second.Event("stopped")
	if err := first.leaves(""); err != nil {
		t.Error(err)
	}
	p.reload()
	second.Prints("joined the program that was built again")
}

// The debugger can't have anything done on this computer.
func TestReverseRequest(t *testing.T) {
	t.Parallel()
	p := newPod(t, "python")
	p.begin()
	e := edit(t, Options{Backend: p})
	e.begin("attach", "")
	p.mu.Lock()
	for c := range p.conns {
		c.send(func(seq int) any { return request{Seq: seq, Type: "request", Command: "runInTerminal"} })
	}
	p.mu.Unlock()
	p.until("it is refused", func() bool {
		return slices.ContainsFunc(p.asked, func(m message) bool { return m.Type == "response" && !m.Success })
	})
}

// Output that the client does not read is left out, and the debugger goes on.
func TestFlood(t *testing.T) {
	t.Parallel()
	p := newPod(t, "python")
	p.begin()
	e := edit(t, Options{Backend: p})
	e.begin("attach", "")
	resume := e.Pause()
	line := strings.Repeat("x", 1<<16)
	for i := range 3 * outputLimit >> 16 {
		p.hear[debug](event.Event{Type: event.Log, Log: &event.LogData{
			Command: debug,
			Stream:  "stdout",
			Time:    time.Unix(int64(i+10), 0),
			Text:    line,
		}})
	}
	resume()
	e.Prints("bytes of output were left out")
	e.Ask("threads", "")
	size := 0
	for _, m := range e.Kept() {
		size += len(m.Body)
	}
	if size > 2*outputLimit {
		t.Errorf("%d bytes have come", size)
	}
}

// A launch that is cancelled is undone, and answered.
func TestCancel(t *testing.T) {
	t.Parallel()
	for _, how := range []string{`{"requestId":2}`, `{"progressId":"nhctl 2"}`} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			b := &slow{begun: make(chan struct{})}
			e := edit(t, Options{Backend: b})
			e.Ask("initialize", "")
			launch := e.Send("launch", "")
			<-b.begun
			e.Ask("cancel", how)
			if m := e.Response(launch); m.Success || !strings.Contains(m.Message, "interrupted") {
				t.Errorf("it is answered %+v", m)
			}
		})
	}
}

func ExampleNames() {
	fmt.Println(strings.Join(Names()[:4], " "))
	// Output: folder workload container session
}
