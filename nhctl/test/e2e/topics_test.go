//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc/rpcschema/recording"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/filesync"
)

// plugin is a client of a developer's daemon that is no part of nhctl: it has a socket and the protocol alone.
type plugin struct {
	t      *testing.T
	socket string
	caller rpc.Caller
}

// callLimit limits a call, and the wait for an update.
const callLimit = time.Minute

// pluginOf starts the daemon of a developer, and puts a recorder in front of its socket, for what all clients say.
func pluginOf(d *developer, dir string) (*plugin, *recording.Recorder) {
	d.t.Helper()
	d.must("", "daemon", "start")
	socket := filepath.Join(d.home, "run", "recorder")
	recorder, err := recording.Record(socket, query[rpc.Daemon](d, "", "daemon", "status").Socket)
	if err != nil {
		d.t.Fatal(err)
	}
	env := map[string]string{}
	for _, entry := range d.env {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
	}
	return &plugin{d.t, socket, rpc.Caller{Env: env, Dir: dir}}, recorder
}

// dial opens a connection and introduces an old client, which replaces no daemon. next returns what the daemon says,
// nil at its end.
func (e *plugin) dial() (conn net.Conn, next func() *recording.Message) {
	e.t.Helper()
	conn, err := net.Dial("unix", e.socket)
	if err != nil {
		e.t.Fatal(err)
	}
	lines := bufio.NewReader(conn)
	next = func() *recording.Message {
		text, err := lines.ReadBytes('\n')
		if err != nil {
			return nil
		}
		m := &recording.Message{}
		if err := json.Unmarshal(text, m); err != nil {
			return nil
		}
		return m
	}
	e.say(conn, "1", rpc.MethodInitialize, rpc.Initialize{Build: rpc.Build{Protocol: 1, Version: "an editor"}})
	if m := next(); m == nil || m.Error != nil {
		e.t.Fatalf("the daemon's introduction: %+v", m)
	}
	return conn, next
}

func (e *plugin) say(conn net.Conn, id, method string, params any) {
	e.t.Helper()
	m := recording.Message{Version: "2.0", ID: json.RawMessage(id), Method: method}
	var err error
	if m.Params, err = json.Marshal(params); err != nil {
		e.t.Fatal(err)
	}
	text, err := json.Marshal(m)
	if err == nil {
		_, err = conn.Write(append(text, '\n'))
	}
	if err != nil {
		e.t.Fatal(err)
	}
}

// call makes a call; a problem is its answer, too.
func (e *plugin) call(method string, params, result any) *problem.Error {
	e.t.Helper()
	conn, next := e.dial()
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(callLimit)); err != nil {
		e.t.Fatal(err)
	}
	e.say(conn, "2", method, params)
	m := next()
	for m != nil && string(m.ID) != "2" { // an event
		m = next()
	}
	var err error
	switch {
	case m == nil:
		e.t.Fatalf("%s: no answer", method)
	case m.Error != nil:
		p := &problem.Error{}
		if err = json.Unmarshal(m.Error.Data, p); err == nil {
			return p
		}
	case result != nil:
		err = json.Unmarshal(m.Result, result)
	}
	if err != nil {
		e.t.Fatalf("%s: %v", method, err)
	}
	return nil
}

// perform does what a remedy says: its call has the parameters of the one that failed, with its own laid over them.
func (e *plugin) perform(r problem.Remedy, method string, params map[string]any, result any) {
	e.t.Helper()
	all, own := maps.Clone(params), map[string]any{}
	if err := json.Unmarshal(r.Params, &own); err != nil {
		e.t.Fatalf("%+v: %v", r, err)
	}
	maps.Copy(all, own)
	if r.Method != "" {
		method = r.Method
	}
	if p := e.call(method, all, result); p != nil {
		e.t.Fatalf("%s: %s", r.Title, p.Message)
	}
}

// topic is what an editor has of one.
type topic[T any] struct {
	t       *testing.T
	name    rpc.Topic
	updates chan rpc.Update
	news    func(rpc.Update) map[string]T
	items   map[string]T
}

// follow subscribes to a topic, and waits for the snapshot.
func follow[T any](e *plugin, p rpc.Subscribe, news func(rpc.Update) map[string]T) *topic[T] {
	e.t.Helper()
	f := &topic[T]{e.t, p.Topic, make(chan rpc.Update), news, map[string]T{}}
	conn, next := e.dial()
	e.t.Cleanup(func() { conn.Close() })
	e.say(conn, "2", rpc.MethodSubscribe, p)
	go func() {
		defer close(f.updates)
		for m := next(); m != nil; m = next() {
			var u rpc.Update
			if m.Method != rpc.MethodUpdate || json.Unmarshal(m.Params, &u) != nil || u.Topic != p.Topic {
				return // it has ended, or is no subscription
			}
			select {
			case f.updates <- u:
			case <-e.t.Context().Done():
				return
			}
		}
	}()
	if u := f.next(); !u.Snapshot {
		e.t.Errorf("%s begins with %+v", p.Topic, u)
	}
	return f
}

// next takes an update.
func (f *topic[T]) next() rpc.Update {
	f.t.Helper()
	select {
	case u, on := <-f.updates:
		if !on {
			f.t.Fatalf("%s has ended with %+v", f.name, f.items)
		}
		rpc.Fold(f.items, u, f.news(u))
		return u
	case <-time.After(callLimit):
		f.t.Fatalf("%s: no more updates; the items are %+v", f.name, f.items)
		return rpc.Update{}
	}
}

// until takes updates until the items are as they should be.
func (f *topic[T]) until(are func(items map[string]T) bool) {
	f.t.Helper()
	for !are(f.items) {
		f.next()
	}
}

// An editor follows everything that it shows of a developer's clusters and work, from a snapshot on; and it does what
// remedies say, without a word of them in its code.
func TestTopics(t *testing.T) {
	t.Parallel()
	ns := shared.namespace(t)
	dev := shared.developer(t, ns)
	src := dev.smallSources()
	e, recorder := pluginOf(dev, src)
	admin := e.caller
	admin.Kubeconfig = os.Getenv("NHCTL_TEST_KUBECONFIG")

	clusters := follow(e, rpc.Subscribe{Topic: rpc.TopicClusters, Caller: e.caller},
		func(u rpc.Update) map[string]rpc.Cluster { return u.Clusters })
	if c := clusters.items["test"]; !c.Current || c.User != dev.name || c.Namespace != ns {
		t.Errorf("contexts: %+v", clusters.items)
	}
	config, err := clientcmd.LoadFromFile(dev.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.Contexts["later"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: dev.name, Namespace: "later"}
	if err := clientcmd.WriteToFile(*config, dev.kubeconfig); err != nil {
		t.Fatal(err)
	}
	clusters.until(func(items map[string]rpc.Cluster) bool { return items["later"].Namespace == "later" })

	ofNamespaces := func(u rpc.Update) map[string]rpc.Namespace { return u.Namespaces }
	all := follow(e, rpc.Subscribe{Topic: rpc.TopicNamespaces, Caller: admin}, ofNamespaces)
	all.until(func(items map[string]rpc.Namespace) bool {
		return slices.Contains(items[ns].Sources, rpc.FromCluster)
	})
	other := shared.namespace(t)
	all.until(func(items map[string]rpc.Namespace) bool {
		return slices.Contains(items[other].Sources, rpc.FromCluster)
	})
	known := follow(e, rpc.Subscribe{Topic: rpc.TopicNamespaces, Caller: e.caller}, ofNamespaces)
	known.until(func(items map[string]rpc.Namespace) bool { return items[ns].Polled != "" }) // they may not list them

	workloads := follow(e, rpc.Subscribe{Topic: rpc.TopicWorkloads, Caller: e.caller},
		func(u rpc.Update) map[string]rpc.Workload { return u.Workloads })
	if len(workloads.items) != 0 {
		t.Errorf("workloads of an empty namespace: %+v", workloads.items)
	}
	replicas := func(n int32) func(map[string]rpc.Workload) bool {
		return func(items map[string]rpc.Workload) bool {
			w, there := items["deployment/it"]
			return there && w.Replicas == n
		}
	}
	shared.create(t, ns, []byte(kindManifests()["deployment"]))
	workloads.until(replicas(1))
	shared.patchDeployment(t, ns, "it", `{"spec":{"replicas":2}}`)
	workloads.until(replicas(2))

	forwards := follow(e, rpc.Subscribe{Topic: rpc.TopicForwards, Caller: e.caller},
		func(u rpc.Update) map[string]rpc.Forwarded { return u.Forwards })
	if len(forwards.items) != 0 {
		t.Errorf("ports without a session: %+v", forwards.items)
	}
	dev.must(src, "dev", "start", "--mode", "duplicate", "--no-terminal")
	session := only(t, dev)
	workloads.until(func(items map[string]rpc.Workload) bool {
		held := items["deployment/it"].Sessions
		return len(held) == 1 && held[0].ID == session.ID && held[0].Mine && held[0].Phase == "active"
	})
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	forward := map[string]any{
		"caller":  e.caller,
		"session": session.ID,
		"open":    []rpc.PortPair{{Local: port, Remote: 8080}},
	}
	p := e.call(rpc.MethodForward, forward, nil)
	if p == nil || p.Code != problem.PortTaken || len(p.Remedies) != 1 {
		t.Fatalf("a port that is taken: %+v", p)
	}
	e.perform(p.Remedies[0], rpc.MethodForward, forward, nil)
	forwards.until(func(items map[string]rpc.Forwarded) bool {
		for key, f := range items {
			if f.Remote == 8080 {
				return f.Session == session.ID && f.Local != port && key == fmt.Sprintf("%s/%d", session.ID, f.Local)
			}
		}
		return false
	})

	sync := follow(e, rpc.Subscribe{Topic: rpc.TopicSync, Caller: e.caller, Session: session.ID},
		func(u rpc.Update) map[string]rpc.Synced { return u.Sync })
	state := func(state string, remedies int) func(map[string]rpc.Synced) bool {
		return func(items map[string]rpc.Synced) bool {
			for _, s := range items {
				return s.State == state && len(s.Remedies) == remedies
			}
			return false
		}
	}
	sync.until(state(filesync.StateIdle, 0))
	if p := e.call(rpc.MethodSyncDo, rpc.SyncDo{
		Target: rpc.Target{Caller: e.caller, Session: session.ID},
		Action: rpc.SyncPause,
	}, nil); p != nil {
		t.Fatal(p)
	}
	sync.until(state(filesync.StatePaused, 1))
	for _, s := range sync.items {
		e.perform(s.Remedies[0], "", map[string]any{"caller": e.caller}, nil)
	}
	sync.until(state(filesync.StateIdle, 0))

	dev.must(src, "dev", "end")
	forwards.until(func(items map[string]rpc.Forwarded) bool { return len(items) == 0 })
	workloads.until(func(items map[string]rpc.Workload) bool { return len(items["deployment/it"].Sessions) == 0 })
	dev.must("", "daemon", "stop") // it ends the connections
	for _, lines := range recorder.Stop() {
		if err := recording.Check(lines); err != nil {
			t.Errorf("what was said is not as the schemas have it: %v", err)
		}
	}
}
