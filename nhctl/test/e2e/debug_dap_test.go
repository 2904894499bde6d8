//go:build e2e

package e2e

import (
	"bufio"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-dap"

	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// adapter is a client of a Debug Adapter Protocol server.
type adapter struct {
	t       *testing.T
	conn    net.Conn
	reader  *bufio.Reader
	seq     int
	pending []dap.Message // events that came before they were asked for
}

func (a *adapter) send(command string, request dap.RequestMessage) {
	a.t.Helper()
	a.seq++
	r := request.GetRequest()
	r.Seq, r.Type, r.Command = a.seq, "request", command
	if err := dap.WriteProtocolMessage(a.conn, request); err != nil {
		a.t.Fatal(err)
	}
}

// await returns the next message of a type; others are kept.
func await[T dap.Message](a *adapter) T {
	a.t.Helper()
	for i, m := range a.pending {
		if found, ok := m.(T); ok {
			a.pending = append(a.pending[:i], a.pending[i+1:]...)
			return found
		}
	}
	for {
		m, err := dap.ReadProtocolMessage(a.reader)
		if unknown := (*dap.DecodeProtocolMessageFieldError)(nil); errors.As(err, &unknown) {
			continue // an event of debugpy's own
		}
		if err != nil {
			a.t.Fatal(err)
		}
		if found, ok := m.(T); ok {
			return found
		}
		if failed, ok := m.(*dap.ErrorResponse); ok {
			a.t.Fatalf("%s: %+v", failed.Command, failed.Body.Error)
		}
		a.pending = append(a.pending, m)
	}
}

// attach does what an IDE does, up to breakpoints.
func attach(t *testing.T, d event.DebugData, file string, line int) *adapter {
	t.Helper()
	conn := debugClient(t, d)
	a := &adapter{t: t, conn: conn, reader: bufio.NewReader(conn)}
	a.send("initialize", &dap.InitializeRequest{Arguments: dap.InitializeRequestArguments{ClientID: "e2e", AdapterID: "debugpy", PathFormat: "path", LinesStartAt1: true, ColumnsStartAt1: true}})
	await[*dap.InitializeResponse](a)
	mapping := `{"pathMappings":[{"localRoot":"` + d.Paths[0].Local + `","remoteRoot":"` + d.Paths[0].Remote + `"}]}`
	a.send("attach", &dap.AttachRequest{Arguments: []byte(mapping)})
	await[*dap.InitializedEvent](a)
	a.send("setBreakpoints", &dap.SetBreakpointsRequest{Arguments: dap.SetBreakpointsArguments{Source: dap.Source{Path: file}, Breakpoints: []dap.SourceBreakpoint{{Line: line}}}})
	if set := await[*dap.SetBreakpointsResponse](a); len(set.Body.Breakpoints) != 1 || !set.Body.Breakpoints[0].Verified {
		t.Fatalf("breakpoints: %+v", set.Body)
	}
	a.send("configurationDone", &dap.ConfigurationDoneRequest{})
	await[*dap.ConfigurationDoneResponse](a)
	return a
}

// A Python service under debugpy: readiness is asked for by DAP, a breakpoint at a local line is hit in the pod, the paused program
// is not killed, and a second client comes after the first.
func TestDebugPython(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	shared.apply(t, ns, manifests+"settings.yaml", manifests+"reviews.yaml")
	shared.deploymentReady(t, ns, "reviews")
	shared.impatient(t, ns, "reviews")
	dev := shared.developer(t, ns)
	src := dev.sources("examples/bookshop/reviews")
	dev.must(src, "dev", "start", "--no-terminal")
	d := outcome[event.DebugData](dev, src, "dev", "debug")
	if d.Language != "python" || d.RemotePort != 5678 {
		t.Errorf("%+v", d)
	}
	serviceAnswers(t, ns, "reviews", "/reviews", "Read it twice.")
	file := filepath.Join(src, "main.py")
	for round := range 2 {
		a := attach(t, d, file, lineOf(t, file, `self.answer(200, {"reviews"`))
		got := ask(t, ns, "reviews", "/reviews")
		stopped := await[*dap.StoppedEvent](a)
		a.send("stackTrace", &dap.StackTraceRequest{Arguments: dap.StackTraceArguments{ThreadId: stopped.Body.ThreadId, Levels: 1}})
		stack := await[*dap.StackTraceResponse](a)
		if frame := stack.Body.StackFrames[0]; frame.Source.Path != file || frame.Name != "do_GET" {
			t.Errorf("round %d: stopped in %s of %s, want the local path %s", round, frame.Name, frame.Source.Path, file)
		}
		a.send("evaluate", &dap.EvaluateRequest{Arguments: dap.EvaluateArguments{Expression: "self.path", FrameId: stack.Body.StackFrames[0].Id}})
		if v := await[*dap.EvaluateResponse](a); v.Body.Result != "'/reviews'" {
			t.Errorf("round %d: self.path is %s", round, v.Body.Result)
		}
		if round == 0 {
			shared.unharmed(t, ns)
		}
		a.send("disconnect", &dap.DisconnectRequest{Arguments: &dap.DisconnectArguments{}})
		await[*dap.DisconnectResponse](a)
		a.conn.Close()
		if body := <-got; !strings.Contains(body, "Read it twice.") {
			t.Errorf("round %d: after going on: %s", round, body)
		}
	}
	// Hot reload starts it anew under the debugger.
	edit(t, file, "Read it twice.", "Read it once more.")
	serviceAnswers(t, ns, "reviews", "/reviews", "Read it once more.")
	if c := dev.ran(src, "debug"); c.Reloads != 1 {
		t.Errorf("after a save: %+v", c)
	}
	dev.must(src, "dev", "end")
}
