package ide

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/client"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/sessiontest"
)

func TestMain(m *testing.M) { sessiontest.Main(m) }

// heard is a message of the bridge, as an editor understands it.
type heard struct {
	ID     json.RawMessage
	Method string
	Params struct {
		Call      string
		Snapshot  bool
		Workloads map[string]rpc.Workload
		Value     rpc.ProgressValue
	}
	Result struct {
		ID       string
		Sessions []rpc.Session
	}
	Error *rpc.MessageError
}

// until reads messages until one is right.
func (e *editor) until(what string, right func(heard) bool) (h heard) {
	e.t.Helper()
	for {
		var next heard
		text := e.hear()
		if err := json.Unmarshal([]byte(text), &next); err != nil {
			e.t.Fatalf("%s: %v", text, err)
		}
		if next.Error != nil && next.Error.Code != rpc.RequestCancelled {
			e.t.Fatalf("before %s: %s", what, text)
		}
		if right(next) {
			return next
		}
	}
}

// answered says that a message answers a call.
func answered(id string) func(heard) bool { return func(h heard) bool { return string(h.ID) == id } }

// An editor takes a workload into dev mode, and sees it in its subscription, also in that of the next daemon; a start
// that it cancels is undone.
func TestSession(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	before := cluster.Snapshot(sessiontest.Namespace)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "true")
	ada.Write("main.go", "package main")
	e := open(t, Options{
		Dirs:   ada.Dirs,
		Caller: rpc.Caller{Dir: ada.Caller.Dir, Kubeconfig: ada.Caller.Kubeconfig},
		Env:    func(map[string]string, string) map[string]string { return ada.Caller.Env },
		Stderr: t.Output(),
		Connect: func(ctx context.Context, notified client.Notified) (*client.Client, error) {
			return client.ConnectRaw(ctx, ada.Dirs, nil, notified)
		},
	})
	sessions := func(count int) func(heard) bool {
		return func(h heard) bool {
			web, there := h.Params.Workloads["deployment/web"]
			return h.Params.Call == `"tree"` && there && len(web.Sessions) == count
		}
	}
	e.call(`"tree"`, rpc.MethodSubscribe, `{"topic":"workloads"}`)
	if h := e.until("the snapshot", sessions(0)); !h.Params.Snapshot {
		t.Error("the first update is no snapshot")
	}
	const start = `{"sidecarImage":"sidecar:1","workDoneToken":"t"}`
	e.call("1", rpc.MethodStart, start)
	e.until("the progress", func(h heard) bool { return h.Params.Value.Kind == rpc.ProgressEnd })
	id := e.until("the answer", answered("1")).Result.ID
	if id == "" {
		t.Fatal("the session has no id")
	}
	ada.StopDaemon()
	ada.StartDaemon()
	if h := e.until("the next daemon's snapshot", sessions(1)); !h.Params.Snapshot {
		h = e.until("the next daemon's snapshot", func(h heard) bool { return h.Params.Snapshot })
		if !sessions(1)(h) {
			t.Errorf("%+v", h)
		}
	}
	e.call("2", rpc.MethodEnd, fmt.Sprintf(`{"session":%q}`, id))
	if ended := e.until("the end", answered("2")).Result.Sessions; len(ended) != 1 {
		t.Errorf("%+v", ended)
	}
	cluster.Restored(before)
	e.call("3", rpc.MethodStart, start)
	e.until("a step", func(h heard) bool { return h.Params.Value.Kind == rpc.ProgressReport })
	e.say(`{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":3}}`)
	if h := e.until("the undo", answered("3")); h.Error == nil {
		t.Error("it was not cancelled")
	}
	cluster.Restored(before)
}
