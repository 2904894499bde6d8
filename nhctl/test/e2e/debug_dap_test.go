//go:build e2e

package e2e

import (
	"bufio"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/google/go-dap"

	"github.com/nhctl/nhctl/nhctl/internal/debugger"
	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// adapter is a client of a Debug Adapter Protocol server.
type adapter struct {
	t       *testing.T
	conn    net.Conn
	reader  *bufio.Reader
	seq     int
	thread  int           // that stands
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

// attachDAP attaches as VS Code does with what `dev debug` prints for it, and sets a breakpoint in a file of this
// computer.
func attachDAP(t *testing.T, d event.DebugData, file string, line int) debugClient {
	t.Helper()
	conn := dialDebugger(t, d)
	a := &adapter{t: t, conn: conn, reader: bufio.NewReader(conn)}
	a.send("initialize", &dap.InitializeRequest{Arguments: dap.InitializeRequestArguments{
		ClientID:        "e2e",
		AdapterID:       d.Language,
		PathFormat:      "path",
		LinesStartAt1:   true,
		ColumnsStartAt1: true,
	}})
	await[*dap.InitializeResponse](a)
	_, launch, ok := strings.Cut(debugger.HowToAttach(d), "VS Code:   ")
	if !ok {
		t.Fatalf("nothing for VS Code in %q", debugger.HowToAttach(d))
	}
	a.send("attach", &dap.AttachRequest{Arguments: []byte(launch)})
	await[*dap.InitializedEvent](a)
	a.send("setBreakpoints", &dap.SetBreakpointsRequest{Arguments: dap.SetBreakpointsArguments{
		Source:      dap.Source{Path: file},
		Breakpoints: []dap.SourceBreakpoint{{Line: line}},
	}})
	if set := await[*dap.SetBreakpointsResponse](a); len(set.Body.Breakpoints) != 1 ||
		!set.Body.Breakpoints[0].Verified {
		t.Fatalf("breakpoints: %+v", set.Body)
	}
	a.send("configurationDone", &dap.ConfigurationDoneRequest{})
	await[*dap.ConfigurationDoneResponse](a)
	return a
}

func (a *adapter) stopped(expression string) (file, value string) {
	a.t.Helper()
	stopped := await[*dap.StoppedEvent](a)
	for stopped.Body.Reason != "breakpoint" { // some stand for a moment when a client comes
		stopped = await[*dap.StoppedEvent](a)
	}
	a.thread = stopped.Body.ThreadId
	a.send("stackTrace", &dap.StackTraceRequest{Arguments: dap.StackTraceArguments{ThreadId: a.thread, Levels: 1}})
	frame := await[*dap.StackTraceResponse](a).Body.StackFrames[0]
	a.send("evaluate", &dap.EvaluateRequest{
		Arguments: dap.EvaluateArguments{Expression: expression, FrameId: frame.Id, Context: "watch"},
	})
	return frame.Source.Path, await[*dap.EvaluateResponse](a).Body.Result
}

func (a *adapter) goOn() {
	a.t.Helper()
	a.send("continue", &dap.ContinueRequest{Arguments: dap.ContinueArguments{ThreadId: a.thread}})
	await[*dap.ContinueResponse](a)
}

func (a *adapter) leave() {
	a.t.Helper()
	a.send("disconnect", &dap.DisconnectRequest{Arguments: &dap.DisconnectArguments{}})
	await[*dap.DisconnectResponse](a)
	a.conn.Close()
}
