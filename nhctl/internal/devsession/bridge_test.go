package devsession_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/baseprotocol"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/client"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/sessiontest"
	"github.com/nhctl/nhctl/nhctl/internal/ide"
)

// bridge is an editor's end of the bridge to a computer's daemon.
type bridge struct {
	t   *testing.T
	in  io.Writer
	out *baseprotocol.Reader
}

// bridged begins a bridge for a shell, which ends with the test.
func bridged(t *testing.T, shell *sessiontest.Shell) *bridge {
	t.Helper()
	in, say := io.Pipe()
	hear, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- ide.Serve(context.Background(), in, out, ide.Options{
			Dirs:   shell.Dirs,
			Caller: rpc.Caller{Dir: shell.Caller.Dir, Kubeconfig: shell.Caller.Kubeconfig},
			Env:    func(map[string]string, string) map[string]string { return shell.Caller.Env },
			Stderr: t.Output(),
			Connect: func(ctx context.Context, notified client.Notified) (*client.Client, error) {
				return client.ConnectRaw(ctx, shell.Dirs, nil, notified)
			},
		})
		out.Close()
	}()
	t.Cleanup(func() {
		say.Close()
		_, _ = io.Copy(io.Discard, hear)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	const limit = 1 << 20 // bytes of a message
	return &bridge{t: t, in: say, out: baseprotocol.NewReader(hear, limit)}
}

func (b *bridge) say(text string) {
	b.t.Helper()
	if _, err := b.in.Write(baseprotocol.Frame([]byte(text))); err != nil {
		b.t.Fatal(err)
	}
}

// call says a call.
func (b *bridge) call(id, method, params string) {
	b.t.Helper()
	b.say(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":%q,"params":%s}`, id, method, params))
}

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
func (b *bridge) until(what string, right func(heard) bool) heard {
	b.t.Helper()
	for {
		text, err := b.out.Next()
		if err != nil {
			b.t.Fatalf("before %s: %v", what, err)
		}
		var next heard
		if err := json.Unmarshal(text, &next); err != nil {
			b.t.Fatalf("%s: %v", text, err)
		}
		if next.Error != nil && next.Error.Code != rpc.RequestCancelled {
			b.t.Fatalf("before %s: %s", what, text)
		}
		if right(next) {
			return next
		}
	}
}

// answers says that a message answers a call.
func answers(id string) func(heard) bool { return func(h heard) bool { return string(h.ID) == id } }

// An editor takes a workload into dev mode, and sees it in its subscription, also in that of the next daemon; a start
// that it cancels is undone.
func TestBridge(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	before := cluster.Snapshot(sessiontest.Namespace)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "true")
	ada.Write("main.go", "package main")
	b := bridged(t, ada)
	sessions := func(count int) func(heard) bool {
		return func(h heard) bool {
			web, there := h.Params.Workloads["deployment/web"]
			return h.Params.Call == `"tree"` && there && len(web.Sessions) == count
		}
	}
	b.call(`"tree"`, rpc.MethodSubscribe, `{"topic":"workloads"}`)
	if h := b.until("the snapshot", sessions(0)); !h.Params.Snapshot {
		t.Error("the first update is no snapshot")
	}
	const start = `{"sidecarImage":"sidecar:1","workDoneToken":"t"}`
	b.call("1", rpc.MethodStart, start)
	b.until("the progress", func(h heard) bool { return h.Params.Value.Kind == rpc.ProgressEnd })
	id := b.until("the answer", answers("1")).Result.ID
	if id == "" {
		t.Fatal("the session has no id")
	}
	ada.StopDaemon()
	ada.StartDaemon()
	if h := b.until("the next daemon's snapshot", sessions(1)); !h.Params.Snapshot {
		h = b.until("the next daemon's snapshot", func(h heard) bool { return h.Params.Snapshot })
		if !sessions(1)(h) {
			t.Errorf("%+v", h)
		}
	}
	b.call("2", rpc.MethodEnd, fmt.Sprintf(`{"session":%q}`, id))
	if ended := b.until("the end", answers("2")).Result.Sessions; len(ended) != 1 {
		t.Errorf("%+v", ended)
	}
	cluster.Restored(before)
	b.call("3", rpc.MethodStart, start)
	b.until("a step", func(h heard) bool { return h.Params.Value.Kind == rpc.ProgressReport })
	b.say(`{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":3}}`)
	if h := b.until("the undo", answers("3")); h.Error == nil {
		t.Error("it was not cancelled")
	}
	cluster.Restored(before)
}
