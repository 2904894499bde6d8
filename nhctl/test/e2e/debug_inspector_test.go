//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// inspector is a client of node's inspector.
type inspector struct {
	t       *testing.T
	conn    *websocket.Conn
	data    event.DebugData
	id      int
	pending []inspected
	// file is the one with the breakpoint, and script what it was compiled to, when it was.
	file, script string
}

type inspected struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`
}

// inspect attaches to node's inspector, sets a breakpoint, and lets a program go on that waits for a client.
func inspect(t *testing.T, d event.DebugData, file string, line int) debugClient {
	t.Helper()
	response, err := http.Get(fmt.Sprintf("http://%s:%d/json/list", d.Host, d.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var targets []struct {
		WebSocketDebuggerURL string
	}
	if err := json.NewDecoder(response.Body).Decode(&targets); err != nil ||
		len(targets) == 0 { // the best is the first
		t.Fatalf("targets %v, %v", targets, err)
	}
	conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), targets[0].WebSocketDebuggerURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(debugLimit)); err != nil {
		t.Fatal(err)
	}
	i := &inspector{t: t, conn: conn, data: d, file: file}
	i.call("Debugger.enable", map[string]any{})
	if !i.compiled(line) {
		i.call("Debugger.setBreakpointByUrl",
			map[string]any{"url": "file://" + inContainer(t, d, file), "lineNumber": line - 1})
	}
	i.call("Runtime.runIfWaitingForDebugger", map[string]any{})
	return i
}

// compiled sets the breakpoint in the script that the file was compiled to, the newest if there are several.
func (i *inspector) compiled(line int) bool {
	i.t.Helper()
	remote := inContainer(i.t, i.data, i.file)
	for _, m := range slices.Backward(i.pending) {
		var script struct{ ScriptID, URL, SourceMapURL string }
		if m.Method != "Debugger.scriptParsed" || json.Unmarshal(m.Params, &script) != nil ||
			script.SourceMapURL == "" {
			continue
		}
		relative := strings.TrimPrefix(remote, i.data.Paths[0].Remote+"/")
		if at, ok := compiled(script.SourceMapURL, relative, line); ok {
			i.script = script.ScriptID
			i.call("Debugger.setBreakpoint", map[string]any{"location": map[string]any{"scriptId": script.ScriptID,
				"lineNumber": at.line, "columnNumber": at.column}})
			return true
		}
	}
	return false
}

func (i *inspector) next(want func(inspected) bool) inspected {
	i.t.Helper()
	for n, m := range i.pending {
		if want(m) {
			i.pending = append(i.pending[:n], i.pending[n+1:]...)
			return m
		}
	}
	for {
		var m inspected
		if err := i.conn.ReadJSON(&m); err != nil {
			i.t.Fatal(err)
		}
		if want(m) {
			return m
		}
		i.pending = append(i.pending, m)
	}
}

func (i *inspector) call(method string, params any) json.RawMessage {
	i.t.Helper()
	i.id++
	id := i.id
	if err := i.conn.WriteJSON(map[string]any{"id": id, "method": method, "params": params}); err != nil {
		i.t.Fatal(err)
	}
	m := i.next(func(m inspected) bool { return m.ID == id })
	if m.Error != nil {
		i.t.Fatalf("%s: %s", method, m.Error)
	}
	return m.Result
}

func (i *inspector) stopped(expression string) (file, value string) {
	i.t.Helper()
	paused := i.next(func(m inspected) bool { return m.Method == "Debugger.paused" })
	var where struct {
		CallFrames []struct {
			CallFrameID string
			Location    struct{ ScriptID string }
		}
	}
	if err := json.Unmarshal(paused.Params, &where); err != nil || len(where.CallFrames) == 0 {
		i.t.Fatalf("paused: %s, %v", paused.Params, err)
	}
	found := i.call("Debugger.evaluateOnCallFrame",
		map[string]any{"callFrameId": where.CallFrames[0].CallFrameID, "expression": expression})
	if where.CallFrames[0].Location.ScriptID == i.script {
		return i.file, string(found)
	}
	var script struct{ ScriptID, URL string }
	i.next(func(m inspected) bool {
		return m.Method == "Debugger.scriptParsed" && json.Unmarshal(m.Params, &script) == nil &&
			script.ScriptID == where.CallFrames[0].Location.ScriptID
	})
	return onComputer(i.t, i.data, strings.TrimPrefix(script.URL, "file://")), string(found)
}

func (i *inspector) goOn() {
	i.t.Helper()
	i.call("Debugger.resume", map[string]any{})
}

func (i *inspector) leave() {
	i.t.Helper()
	i.call("Debugger.disable", map[string]any{})
	i.conn.Close()
}
