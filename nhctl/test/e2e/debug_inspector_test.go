//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
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
	id      int
	pending []inspected
}

type inspected struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`
}

func inspect(t *testing.T, d event.DebugData) *inspector {
	t.Helper()
	response, err := http.Get(fmt.Sprintf("http://%s:%d/json/list", d.Host, d.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var targets []struct {
		WebSocketDebuggerURL string
	}
	if err := json.NewDecoder(response.Body).Decode(&targets); err != nil || len(targets) != 1 {
		t.Fatalf("targets %v, %v", targets, err)
	}
	conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), targets[0].WebSocketDebuggerURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return &inspector{t: t, conn: conn}
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

// A Node service under its inspector: breakpoint, variable, a pause longer than the probe's patience, a second client, hot reload.
func TestDebugNode(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	shared.apply(t, ns, manifests+"settings.yaml", manifests+"storefront.yaml")
	shared.deploymentReady(t, ns, "storefront")
	shared.impatient(t, ns, "storefront")
	dev := shared.developer(t, ns)
	src := dev.sources("examples/bookshop/storefront")
	dev.must(src, "dev", "start", "--no-terminal")
	d := outcome[event.DebugData](dev, src, "dev", "debug")
	if d.Language != "node" || d.RemotePort != 9229 {
		t.Errorf("%+v", d)
	}
	serviceAnswers(t, ns, "storefront", "/healthz", "ok")
	file := filepath.Join(src, "main.js")
	for round := range 2 {
		i := inspect(t, d)
		i.call("Debugger.enable", map[string]any{})
		i.call("Debugger.setBreakpointByUrl", map[string]any{"url": "file://" + inContainer(t, d, file), "lineNumber": lineOf(t, file, "response.end('ok')") - 1})
		got := ask(t, ns, "storefront", "/healthz")
		paused := i.next(func(m inspected) bool { return m.Method == "Debugger.paused" })
		var where struct {
			CallFrames []struct{ CallFrameID string }
		}
		if err := json.Unmarshal(paused.Params, &where); err != nil || len(where.CallFrames) == 0 {
			t.Fatalf("paused: %s, %v", paused.Params, err)
		}
		v := i.call("Debugger.evaluateOnCallFrame", map[string]any{"callFrameId": where.CallFrames[0].CallFrameID, "expression": "request.url"})
		if !strings.Contains(string(v), `"value":"/healthz"`) {
			t.Errorf("round %d: request.url is %s", round, v)
		}
		if round == 0 {
			shared.unharmed(t, ns)
		}
		i.call("Debugger.disable", map[string]any{}) // goes on
		i.conn.Close()
		if body := <-got; body != "ok" {
			t.Errorf("round %d: after going on: %s", round, body)
		}
	}
	edit(t, file, "response.end('ok')", "response.end('saved')")
	serviceAnswers(t, ns, "storefront", "/healthz", "saved")
	if c := dev.ran(src, "debug"); c.Reloads != 1 {
		t.Errorf("after a save: %+v", c)
	}
	dev.must(src, "dev", "end")
}
