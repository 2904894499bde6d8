package devsession_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-dap"
	corev1 "k8s.io/api/core/v1"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/client"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	adapter "github.com/nhctl/nhctl/nhctl/internal/dap"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/sessiontest"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/kube/kubetest"
	"github.com/nhctl/nhctl/nhctl/internal/tunnel/tunneltest"
)

// version is a program whose function stands at another line in each version.
func version(n int) string {
	return "package main\n\nimport (\n\t\"fmt\"\n\t\"time\"\n)\n" + strings.Repeat("\n", n) +
		fmt.Sprintf("func work(i int) int {\n\tversion := %d\n\treturn i * version\n}\n\n", n) +
		"func main() {\n\tfor i := 1; ; i++ {\n\t\tfmt.Println(\"work\", work(i))\n" +
		"\t\t<-time.After(20 * time.Millisecond)\n\t}\n}\n"
}

// inWork is the line where work returns.
func inWork(n int) int { return 9 + n }

// debugged is a shell whose session has a Go program under a real delve, which a save builds again.
func debugged(t *testing.T) (*sessiontest.Shell, *sessiontest.Cluster) {
	t.Helper()
	dlv, err := exec.Command("go", "tool", "-n", "dlv").Output()
	if err != nil {
		t.Fatalf("build delve: %v", err)
	}
	cluster := sessiontest.New(t)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "")
	port, program := tunneltest.FreePort(t), t.TempDir()+"/program"
	command := fmt.Sprintf("cd -L %[1]s && go build -gcflags='-N -l' -o %[2]s . && exec %[3]s exec --headless "+
		"--listen=127.0.0.1:%[4]d --api-version=2 --accept-multiclient --continue %[2]s",
		ada.WorkDir, program, strings.TrimSpace(string(dlv)), port)
	ada.Config("hotReload: true", fmt.Sprintf("debug: {language: go, remoteDebugPort: %d}", port),
		fmt.Sprintf("command: {build: ['true'], debug: [%q]}", command))
	ada.Write("go.mod", "module tiny\n\ngo 1.24\n")
	ada.Write("main.go", version(1))
	ada.MustStart()
	return ada, cluster
}

// editor is a client of an adapter, which serves the shell.
type editor struct {
	t  *testing.T
	to io.Writer

	mu   sync.Mutex
	seq  int
	all  []dap.Message
	over error
}

type shell struct{ *sessiontest.Shell }

func (s shell) Caller(adapter.Place) rpc.Caller { return s.Shell.Caller }

func (s shell) Call(ctx context.Context, method string, params, result any, hear func(event.Event)) error {
	c, err := client.Connect(ctx, s.Dirs, nil, hear)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Call(ctx, method, params, result)
}

func edits(t *testing.T, ada *sessiontest.Shell) *editor {
	t.Helper()
	in, to := io.Pipe()
	from, out := io.Pipe()
	e := &editor{t: t, to: to}
	var working sync.WaitGroup
	working.Go(func() {
		o := adapter.Options{In: in, Out: out, Backend: shell{ada}}
		if err := adapter.Serve(context.Background(), o); err != nil {
			t.Error(err)
		}
		in.Close()
		out.Close()
	})
	working.Go(func() {
		r := bufio.NewReader(from)
		for {
			content, err := dap.ReadBaseMessage(r)
			if err == nil {
				if m, err := dap.DecodeProtocolMessage(content); err == nil {
					e.mu.Lock()
					e.all = append(e.all, m)
					e.mu.Unlock()
				}
				continue
			}
			e.mu.Lock()
			e.over = err
			e.mu.Unlock()
			return
		}
	})
	t.Cleanup(func() {
		to.Close()
		working.Wait()
	})
	e.ask(&dap.InitializeRequest{Request: dap.Request{Command: "initialize"},
		Arguments: dap.InitializeRequestArguments{AdapterID: "nhctl", LinesStartAt1: true, ColumnsStartAt1: true,
			PathFormat: "path"}})
	return e
}

// send sends a request.
func (e *editor) send(m dap.RequestMessage) int {
	e.t.Helper()
	e.seq++
	m.GetRequest().Seq, m.GetRequest().Type = e.seq, "request"
	if err := dap.WriteProtocolMessage(e.to, m); err != nil {
		e.t.Fatal(err)
	}
	return e.seq
}

// take takes the first message that is meant.
func (e *editor) take(what string, is func(dap.Message) bool) (taken dap.Message) {
	e.t.Helper()
	sessiontest.Until(e.t, what, func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		for i, m := range e.all {
			if is(m) {
				taken = m
				e.all = append(e.all[:i:i], e.all[i+1:]...)
				return nil
			}
		}
		text, _ := json.Marshal(e.all[max(0, len(e.all)-10):])
		return fmt.Errorf("the last messages are %s, %v", text, e.over)
	})
	return taken
}

func (e *editor) answer(seq int) dap.Message {
	e.t.Helper()
	m := e.take(fmt.Sprintf("request %d is answered", seq), func(m dap.Message) bool {
		r, ok := m.(dap.ResponseMessage)
		return ok && r.GetResponse().RequestSeq == seq
	})
	if r := m.(dap.ResponseMessage).GetResponse(); !r.Success {
		e.t.Errorf("%s: %s", r.Command, r.Message)
	}
	return m
}

func (e *editor) ask(m dap.RequestMessage) dap.Message {
	e.t.Helper()
	return e.answer(e.send(m))
}

// says waits for output of the adapter's own, or of the program.
func (e *editor) says(text string) {
	e.t.Helper()
	e.take("it says "+text, func(m dap.Message) bool {
		o, ok := m.(*dap.OutputEvent)
		return ok && strings.Contains(o.Body.Output, text)
	})
}

// begin launches or attaches, with a breakpoint in work.
func (e *editor) begin(m dap.RequestMessage, ada *sessiontest.Shell, n int) {
	e.t.Helper()
	begun := e.send(m)
	e.take("it is initialized", func(m dap.Message) bool { _, ok := m.(*dap.InitializedEvent); return ok })
	e.breaks(ada, n)
	e.ask(&dap.ConfigurationDoneRequest{Request: dap.Request{Command: "configurationDone"}})
	e.answer(begun)
}

// breaks sets a breakpoint in work, as it stands in a version.
func (e *editor) breaks(ada *sessiontest.Shell, n int) {
	e.t.Helper()
	e.ask(&dap.SetBreakpointsRequest{Request: dap.Request{Command: "setBreakpoints"},
		Arguments: dap.SetBreakpointsArguments{
			Source:      dap.Source{Path: ada.Folder + "/main.go"},
			Breakpoints: []dap.SourceBreakpoint{{Line: inWork(n), Condition: "i > 2"}},
		}})
}

// stands waits until the program stands in work of a version, with local sources and variables.
func (e *editor) stands(ada *sessiontest.Shell, n int) {
	e.t.Helper()
	stop := e.take("it stops", func(m dap.Message) bool {
		_, ok := m.(*dap.StoppedEvent)
		return ok
	}).(*dap.StoppedEvent)
	trace := e.ask(&dap.StackTraceRequest{Request: dap.Request{Command: "stackTrace"},
		Arguments: dap.StackTraceArguments{ThreadId: stop.Body.ThreadId}}).(*dap.StackTraceResponse)
	if len(trace.Body.StackFrames) == 0 {
		e.t.Fatalf("a stop without a stack: %+v", stop.Body)
	}
	top := trace.Body.StackFrames[0]
	if top.Name != "main.work" || top.Line != inWork(n) || top.Source.Path != ada.Folder+"/main.go" {
		e.t.Errorf("it stands in %s, line %d of %+v", top.Name, top.Line, top.Source)
	}
	value := e.ask(&dap.EvaluateRequest{Request: dap.Request{Command: "evaluate"},
		Arguments: dap.EvaluateArguments{Expression: "version", FrameId: top.Id}}).(*dap.EvaluateResponse)
	if !strings.Contains(value.Body.Result, fmt.Sprint(n)) {
		e.t.Errorf("the version is %s, want %d", value.Body.Result, n)
	}
}

func (e *editor) leaves() {
	e.t.Helper()
	e.ask(&dap.DisconnectRequest{Request: dap.Request{Command: "disconnect"}})
}

// An editor's session goes on with the next program when a save builds it again, and in the next pod. It leaves the
// program running.
func TestDebugAdapter(t *testing.T) {
	t.Parallel()
	ada, cluster := debugged(t)
	e := edits(t, ada)
	// The ports of the pod are this computer's, too.
	arguments := json.RawMessage(fmt.Sprintf(`{"port":%d}`, tunneltest.FreePort(t)))
	e.begin(&dap.LaunchRequest{Request: dap.Request{Command: "launch"}, Arguments: arguments}, ada, 1)
	e.stands(ada, 1)
	for n := 2; n <= 3; n++ {
		ada.Write("main.go", version(n))
		e.breaks(ada, n) // as an editor moves them with the text, whoever debugs at that moment
		e.says("joined the program that was built again")
		e.stands(ada, n)
	}

	session, err := ada.Status()
	if err != nil {
		t.Fatal(err)
	}
	kubetest.Delete[corev1.Pod](cluster.Cluster, sessiontest.Namespace, session.Pod)
	e.says("joined the program that was built again")
	e.stands(ada, 3)

	second := edits(t, ada)
	second.begin(&dap.AttachRequest{Request: dap.Request{Command: "attach"}, Arguments: arguments}, ada, 3)
	second.stands(ada, 3)
	e.leaves()
	second.leaves()
	count := func() int { return len(ada.Output(rpc.Logs{Target: ada.Target(), Command: "debug"})) }
	before := count()
	sessiontest.Until(t, "the program goes on", func() error {
		if now := count(); now <= before {
			return fmt.Errorf("it has printed %d lines", now)
		}
		return nil
	})
}
