package devsession_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/client"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc/rpcschema/recording"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/sessiontest"
	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// recordings is where the ones that are kept are.
const recordings = "../daemon/rpc/rpcschema/recording/testdata"

// All that goes over the socket in a session's life is as the schemas have it. With NHCTL_TEST_RECORD=1 it becomes the
// recordings that other tests check and replay.
func TestTraffic(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "true")
	ada.Write("main.go", "package main")
	inspector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `[{"webSocketDebuggerUrl": "ws://127.0.0.1/program"}]`)
	}))
	defer inspector.Close()
	ada.Config(`command: {run: ["echo hello; echo world >&2"], debug: ["exec sleep 1000"]}`,
		fmt.Sprintf("debug: {language: node, remoteDebugPort: %d}", inspector.Listener.Addr().(*net.TCPAddr).Port))
	base := filepath.Dir(ada.Folder)
	dirs := ada.Dirs
	dirs.Socket = filepath.Join(base, "recorder")
	recorder, err := recording.Record(dirs.Socket, ada.Dirs.Socket)
	if err != nil {
		t.Fatal(err)
	}
	connect := func() *client.Client {
		t.Helper()
		c, err := client.Connect(t.Context(), dirs, nil, func(event.Event) {})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}

	seen := make(chan rpc.Update, 100)
	subscriber := connect()
	ctx, cancel := context.WithCancel(t.Context())
	subscribed := make(chan error, 1)
	go func() {
		p := rpc.Subscribe{Topic: rpc.TopicWorkloads, Caller: ada.Caller}
		subscribed <- subscriber.Subscribe(ctx, p, func(u rpc.Update) { seen <- u })
	}()
	<-seen // the snapshot

	caller := connect()
	live(t, caller, ada)
	for held := true; held; { // until the session has gone
		u := <-seen
		held = len(u.Workloads["deployment/web"].Sessions) > 0 || len(u.Workloads) == 0
	}
	cancel()
	if err := <-subscribed; err != nil {
		t.Error(err)
	}
	subscriber.Close()
	caller.Close()
	traffic := recorder.Stop()
	for i, name := range []string{"subscription", "session"} {
		if err := recording.Check(traffic[i]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if os.Getenv("NHCTL_TEST_RECORD") != "" {
			host, _ := os.Hostname()
			file := filepath.Join(recordings, name+".jsonl")
			words := strings.NewReplacer(base, "/home/ada", filepath.Dir(ada.Caller.Kubeconfig), "/home/ada/.kube",
				"@"+host, "@laptop")
			if err := recording.Write(file, traffic[i], words); err != nil {
				t.Error(err)
			}
		}
	}
}

// live makes the calls of a session's life.
func live(t *testing.T, c *client.Client, ada *sessiontest.Shell) {
	t.Helper()
	target := ada.Target()
	for _, call := range []struct {
		method string
		params any
	}{
		{rpc.MethodStatus, target}, // there is none yet
		{rpc.MethodStart, rpc.Start{Target: target, SidecarImage: "sidecar:1"}},
		{rpc.MethodStatus, target},
		{rpc.MethodList, rpc.List{Caller: ada.Caller}},
		{rpc.MethodForward, rpc.Forward{Target: target, Open: []rpc.PortPair{{Remote: 8080}}}},
		{rpc.MethodRun, rpc.Run{Target: target}},
		{rpc.MethodLogs, rpc.Logs{Target: target}},
		{rpc.MethodDebug, rpc.Debug{Run: rpc.Run{Target: target}}},
		{rpc.MethodStop, rpc.Stop{Target: target}},
		{rpc.MethodSyncWait, rpc.SyncWait{Target: target}},
		{rpc.MethodSyncExplain, rpc.SyncPath{Target: target, Path: "main.go"}},
		{rpc.MethodDaemon, nil},
		{rpc.MethodEnd, rpc.End{Target: target}},
		{rpc.MethodList, rpc.List{Caller: ada.Caller}},
	} {
		var result json.RawMessage
		err := c.Call(t.Context(), call.method, call.params, &result)
		if first := call.method == rpc.MethodStatus && result == nil; err != nil && !first {
			t.Errorf("%s: %v", call.method, err)
		}
	}
}
