package ide

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/creachadair/jrpc2"
	"github.com/creachadair/jrpc2/channel"
	"github.com/creachadair/jrpc2/handler"
	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/baseprotocol"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/client"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
)

// daemons are those that a bridge meets one after the other, a connection each.
type daemons struct {
	methods handler.Map
	// fail says why there is none at this moment.
	fail func() error

	mu    sync.Mutex
	conns []net.Conn
}

// options lead a bridge to them.
func (d *daemons) options() Options {
	return Options{
		Dirs:   userdirs.Dirs{State: "/state", Socket: "/socket"},
		Caller: rpc.Caller{Dir: "/work", Kubeconfig: "/kube", Context: "dev", Namespace: "shop"},
		Env: func(env map[string]string, dir string) map[string]string {
			if env == nil {
				env = map[string]string{"HOME": "/home/ada"}
			}
			return map[string]string{"HOME": env["HOME"], "IN": dir}
		},
		Stderr:  io.Discard,
		Connect: d.connect,
	}
}

func (d *daemons) connect(_ context.Context, notified client.Notified) (*client.Client, error) {
	if d.fail != nil {
		if err := d.fail(); err != nil {
			return nil, err
		}
	}
	here, there := net.Pipe()
	d.mu.Lock()
	d.conns = append(d.conns, there)
	d.mu.Unlock()
	options := &jrpc2.ServerOptions{AllowPush: true, Concurrency: 8}
	jrpc2.NewServer(d.methods, options).Start(channel.Line(there, there))
	return client.Over(here, notified), nil
}

// kill ends all connections.
func (d *daemons) kill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.conns {
		c.Close()
	}
}

// unreachable are options without a daemon.
func unreachable() Options {
	return (&daemons{fail: func() error { return errors.New("no daemon") }}).options()
}

// editor is a client of the bridge.
type editor struct {
	t     *testing.T
	in    *io.PipeWriter
	hears io.Reader
	out   *baseprotocol.Reader
	ended chan error
}

// open begins a bridge, which ends with the test.
func open(t *testing.T, o Options) *editor {
	t.Helper()
	in, say := io.Pipe()
	hear, out := io.Pipe()
	e := &editor{t: t, in: say, hears: hear, out: baseprotocol.NewReader(hear, mostBytes), ended: make(chan error, 1)}
	go func() { err := Serve(context.Background(), in, out, o); out.Close(); e.ended <- err }()
	t.Cleanup(func() {
		say.Close()
		_, _ = io.Copy(io.Discard, e.hears)
		in.Close()
	})
	return e
}

func (e *editor) say(text string) {
	e.t.Helper()
	if _, err := e.in.Write(baseprotocol.Frame([]byte(text))); err != nil {
		e.t.Fatal(err)
	}
}

// call says a call.
func (e *editor) call(id, method, params string) {
	e.t.Helper()
	e.say(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":%q,"params":%s}`, id, method, params))
}

// hear is the next message of the bridge, without its version.
func (e *editor) hear() string {
	e.t.Helper()
	data, err := e.out.Next()
	if err != nil {
		e.t.Fatal(err)
	}
	text, versioned := strings.CutPrefix(string(data), `{"jsonrpc":"2.0",`)
	if !versioned {
		e.t.Errorf("%s", data)
	}
	return "{" + text
}

// want compares what the bridge says next.
func (e *editor) want(all ...string) {
	e.t.Helper()
	for _, want := range all {
		if diff := cmp.Diff(want, e.hear()); diff != "" {
			e.t.Errorf("(-want +heard):\n%s", diff)
		}
	}
}

// failed is an error of a call.
func (e *editor) failed() (code int, p problem.Error) {
	e.t.Helper()
	var m message
	text := e.hear()
	if err := json.Unmarshal([]byte(text), &m); err != nil || m.Error == nil {
		e.t.Fatalf("%s: %v", text, err)
	}
	if m.Error.Data != nil {
		if err := json.Unmarshal(m.Error.Data, &p); err != nil {
			e.t.Fatal(err)
		}
	}
	return m.Error.Code, p
}

// echo answers a call with its parameters.
func echo(_ context.Context, params json.RawMessage) (json.RawMessage, error) { return params, nil }

// refuse answers a call with a problem that only a later build knows.
func refuse(context.Context, json.RawMessage) error {
	e := &jrpc2.Error{Code: rpc.ErrorCode, Message: "held"}
	e.Data = json.RawMessage(`{"code":"held","message":"ada has it","later":{"a":1}}`)
	return e
}

// Parameters, results and problems are passed on as they are, whatever this build knows of them.
func TestCalls(t *testing.T) {
	t.Parallel()
	d := &daemons{methods: handler.Map{"dev.later": handler.New(echo), "dev.held": handler.New(refuse)}}
	e := open(t, d.options())
	const own = `"caller":{"context":"dev","dir":"/work","env":{"HOME":"/home/ada","IN":"/work"},` +
		`"kubeconfig":"/kube","namespace":"shop"}`
	e.call("1", "dev.later", `{"b":[1.50,null],"a":"\u00e9"}`)
	e.want(`{"id":1,"result":{"a":"\u00e9","b":[1.50,null],` + own + `}}`)
	e.call(`"two"`, "dev.later", `null`)
	e.want(`{"id":"two","result":{` + own + `}}`)
	e.say(`{"jsonrpc":"2.0","id":3,"method":"dev.later"}`)
	e.want(`{"id":3,"result":{` + own + `}}`)
	e.call("4", "dev.later", `{"caller":{"later":true,"dir":"web"}}`)
	e.want(`{"id":4,"result":{` + strings.NewReplacer(`"/work"`, `"/work/web"`, `,"namespace"`,
		`,"later":true,"namespace"`).Replace(own) + `}}`)
	e.call("5", "dev.later", `{"caller":{"context":"prod","env":{"HOME":"/h"}}}`)
	e.want(`{"id":5,"result":{"caller":{"context":"prod","dir":"/work","env":{"HOME":"/h","IN":"/work"},` +
		`"kubeconfig":"/kube"}}}`)
	e.call("6", "dev.held", `{}`)
	e.want(`{"id":6,"error":{"code":-32000,"message":"ada has it",` +
		`"data":{"code":"held","message":"ada has it","later":{"a":1}}}}`)
	for params, want := range map[string]problem.Code{
		`[1]`:                   problem.Usage,
		`7`:                     problem.Usage,
		`{"caller":7}`:          problem.Usage,
		`{"caller":{"env":[]}}`: problem.Usage,
	} {
		e.call("7", "dev.later", params)
		if code, p := e.failed(); code != rpc.ErrorCode || p.Code != want {
			t.Errorf("%s: %d, %+v", params, code, p)
		}
	}
	e.call("8", "dev.fly", `{}`)
	if code, p := e.failed(); code != codeNoMethod || p.Code != problem.Usage || p.Hint == "" {
		t.Errorf("%d, %+v", code, p)
	}
	e.call("9", rpc.MethodAttach, `{}`)
	if _, p := e.failed(); p.Code != problem.Usage || !strings.Contains(p.Hint, "nhctl dev terminal") {
		t.Errorf("%+v", p)
	}
}

// Events have the editor's id, and become the progress of calls that ask for it.
func TestProgress(t *testing.T) {
	t.Parallel()
	work := func(ctx context.Context, _ json.RawMessage) (string, error) {
		tell := func(name string, state event.StepState, detail string) {
			_ = jrpc2.ServerFromContext(ctx).Notify(ctx, rpc.MethodEvent, map[string]any{
				"call": "1", "later": 1, "step": event.StepData{Name: name, State: state, Detail: detail},
			})
		}
		tell("lock", event.StepStarted, "")
		tell("lock", event.StepDone, "")
		tell("wait", event.StepWaiting, "pull")
		return "done", nil
	}
	d := &daemons{methods: handler.Map{"dev.start": handler.New(work), "dev.held": handler.New(refuse)}}
	e := open(t, d.options())
	heard := func(step string) string {
		return `{"method":"event","params":{"call":"\"go\"","later":1,"step":` + step + `}}`
	}
	progress := func(value string) string {
		return `{"method":"$/progress","params":{"token":7,"value":` + value + `}}`
	}
	e.call(`"go"`, "dev.start", `{"workload":"web","workDoneToken":7}`)
	e.want(
		progress(`{"kind":"begin","title":"dev start web","cancellable":true}`),
		heard(`{"name":"lock","state":"started"}`),
		progress(`{"kind":"report","message":"lock"}`),
		heard(`{"name":"lock","state":"done"}`),
		progress(`{"kind":"report","message":"lock: done"}`),
		heard(`{"name":"wait","state":"waiting","detail":"pull"}`),
		progress(`{"kind":"report","message":"wait: pull"}`),
		progress(`{"kind":"end","message":"done"}`),
		`{"id":"go","result":"done"}`,
	)
	e.call(`"go"`, "dev.start", `{}`)
	for range 3 {
		if text := e.hear(); !strings.Contains(text, `"method":"event"`) {
			t.Error(text)
		}
	}
	e.want(`{"id":"go","result":"done"}`)
	e.call("8", "dev.held", `{"workDoneToken":7}`)
	e.want(progress(`{"kind":"begin","title":"dev held","cancellable":true}`),
		progress(`{"kind":"end","message":"ada has it"}`))
	e.hear()
}

// stubborn are methods of a daemon: work lasts until it is cancelled, and is undone when the test says so.
func stubborn(undo <-chan struct{}) handler.Map {
	cancelled := make(chan struct{})
	return handler.Map{
		"work": handler.New(func(ctx context.Context, _ json.RawMessage) error {
			_ = jrpc2.ServerFromContext(ctx).Notify(ctx, rpc.MethodEvent, event.Event{Type: event.Notice})
			select {
			case <-cancelled:
			case <-ctx.Done(): // the connection has gone
			}
			<-undo
			return (&jrpc2.Error{Code: rpc.ErrorCode}).WithData(problem.New(problem.Interrupted, "interrupted"))
		}),
		rpc.MethodCancel: handler.New(func(context.Context, rpc.Cancel) error { close(cancelled); return nil }),
	}
}

// A cancelled call is answered once it is undone, and its id may be used again then.
func TestCancel(t *testing.T) {
	t.Parallel()
	for name, cancel := range map[string]string{
		"as language clients do": `{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}}`,
		"as the daemon has it":   `{"jsonrpc":"2.0","method":"cancel","params":{"id":"1"}}`,
		"all":                    `{"jsonrpc":"2.0","method":"cancel"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			undo := make(chan struct{})
			e := open(t, (&daemons{methods: stubborn(undo)}).options())
			e.call("1", "work", "{}")
			e.hear()
			e.call("1", "work", "{}")
			if code, _ := e.failed(); code != codeInvalid {
				t.Errorf("a second call with the id: %d", code)
			}
			e.say(cancel)
			e.say(`{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":99}}`)
			e.say(`{"jsonrpc":"2.0","id":2,"method":"shutdown"}`)
			e.want(`{"id":2,"result":null}`) // the call is not answered yet
			close(undo)
			if code, p := e.failed(); code != rpc.RequestCancelled || p.Code != problem.Interrupted {
				t.Errorf("%d, %+v", code, p)
			}
			e.call("1", "shutdown", "{}")
			e.want(`{"id":1,"result":null}`)
		})
	}
}

// As a call, cancel is answered after the call that it is about.
func TestCancelAsCall(t *testing.T) {
	t.Parallel()
	undo := make(chan struct{})
	close(undo)
	e := open(t, (&daemons{methods: stubborn(undo)}).options())
	e.call("1", "work", "{}")
	e.hear()
	e.call("2", "cancel", `{"id":"1"}`)
	if code, _ := e.failed(); code != rpc.RequestCancelled {
		t.Errorf("%d", code)
	}
	e.want(`{"id":2,"result":{}}`)
	e.call("3", "cancel", `{"id":"3"}`)
	if _, p := e.failed(); p.Code != problem.Usage {
		t.Errorf("%+v", p)
	}
}

// A call at work fails with its daemon, and may be made again.
func TestDaemonIsLost(t *testing.T) {
	t.Parallel()
	d := &daemons{methods: stubborn(nil)}
	d.methods["echo"] = handler.New(echo)
	e := open(t, d.options())
	e.call("1", "work", "{}")
	e.hear()
	d.kill()
	code, p := e.failed()
	if diff := cmp.Diff([]problem.Remedy{{Title: "try again"}}, p.Remedies); diff != "" || code != rpc.ErrorCode ||
		p.Hint == "" {
		t.Errorf("%d, %+v\n%s", code, p, diff)
	}
	e.call("2", "echo", "{}")
	if text := e.hear(); !strings.HasPrefix(text, `{"id":2,"result":{"caller"`) {
		t.Error(text)
	}
}

// following is a subscribe that sends a snapshot, and then does what the daemon of that number does.
func following(then func(ctx context.Context, number int) error) handler.Map {
	var mu sync.Mutex
	number := 0
	return handler.Map{rpc.MethodSubscribe: handler.New(func(ctx context.Context, p rpc.Subscribe) error {
		mu.Lock()
		number++
		n := number
		mu.Unlock()
		err := jrpc2.ServerFromContext(ctx).Notify(ctx, rpc.MethodUpdate, map[string]any{
			"call": "1", "topic": p.Topic, "snapshot": true, "number": n,
		})
		if err != nil {
			return err
		}
		return then(ctx, n)
	}), rpc.MethodCancel: handler.New(func(context.Context, rpc.Cancel) error { return nil })}
}

// A subscription goes on over daemons that are replaced or die, with a snapshot of each; one that refuses it ends it.
func TestSubscription(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &daemons{}
		d.methods = following(func(ctx context.Context, number int) error {
			switch number {
			case 1: // replaced
				return (&jrpc2.Error{Code: rpc.ErrorCode}).WithData(problem.New(problem.Interrupted, "interrupted"))
			case 2: // killed
				d.kill()
			case 3:
				return (&jrpc2.Error{Code: rpc.ErrorCode}).WithData(problem.New(problem.NoSession, "it has ended"))
			}
			<-ctx.Done()
			return nil
		})
		e := open(t, d.options())
		e.call("9", "subscribe", `{"topic":"status"}`)
		for n := range 3 {
			e.want(fmt.Sprintf(`{"method":"update","params":{"call":"9","number":%d,"snapshot":true,"topic":"status"}}`,
				n+1))
		}
		if code, p := e.failed(); code != rpc.ErrorCode || p.Code != problem.NoSession {
			t.Errorf("%d, %+v", code, p)
		}
		e.in.Close()
		if err := <-e.ended; err != nil {
			t.Error(err)
		}
	})
}

// Without a daemon the editor learns why, once; the bridge goes on trying, with growing pauses.
func TestSubscriptionWithoutDaemon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var tries []time.Time
		d := &daemons{methods: following(func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() })}
		d.fail = func() error {
			tries = append(tries, time.Now())
			if len(tries) < 20 {
				return problem.New(problem.Internal, "the daemon does not come up").WithHint("its log says why")
			}
			return nil
		}
		e := open(t, d.options())
		e.call("9", "subscribe", `{"topic":"clusters"}`)
		e.want(`{"method":"update","params":{"call":"9","topic":"clusters","problem":{"code":"internal",`+
			`"message":"the daemon does not come up","hint":"its log says why"}}}`,
			`{"method":"update","params":{"call":"9","number":1,"snapshot":true,"topic":"clusters"}}`)
		first, last := tries[1].Sub(tries[0]), tries[19].Sub(tries[18])
		if first > 2*firstPause || last < longestPause/2 || last > longestPause {
			t.Errorf("pauses from %v to %v", first, last)
		}
		e.say(`{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":9}}`)
		e.in.Close() // the daemon of this test does not undo by itself
		if code, p := e.failed(); code != rpc.RequestCancelled && p.Code != problem.Interrupted {
			t.Errorf("%d, %+v", code, p)
		}
		if err := <-e.ended; err != nil {
			t.Error(err)
		}
	})
}

// An editor that does not read makes the daemon wait: nothing is kept for it. Its end is noticed nevertheless.
func TestEditorThatDoesNotRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sent := make(chan int, 1000)
		flood := func(ctx context.Context, _ json.RawMessage) error {
			for i := range cap(sent) {
				if err := jrpc2.ServerFromContext(ctx).Notify(ctx, rpc.MethodEvent, event.Event{V: i}); err != nil {
					return err
				}
				sent <- i
			}
			return nil
		}
		d := &daemons{methods: handler.Map{"dev.logs": handler.New(flood), "echo": handler.New(echo)}}
		e := open(t, d.options())
		e.call("1", "dev.logs", "{}")
		e.call("2", "echo", "{}")
		synctest.Wait()
		if n := len(sent); n > 5 {
			t.Errorf("%d lines were taken for an editor that reads none", n)
		}
		e.in.Close()
		begun := time.Now()
		<-e.ended
		if took := time.Since(begun); took > 2*lastWords {
			t.Errorf("its end took %v", took)
		}
	})
}

// The end of the input ends calls whose undo takes longer: the daemon goes on with it.
func TestEnd(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*editor){
		"the input ends": func(e *editor) { e.in.Close() },
		"exit":           func(e *editor) { e.say(`{"jsonrpc":"2.0","method":"exit"}`) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				undo := make(chan struct{})
				e := open(t, (&daemons{methods: stubborn(undo)}).options())
				e.call("1", "work", "{}")
				e.hear()
				var rest sync.WaitGroup
				defer rest.Wait()
				rest.Go(func() { _, _ = io.Copy(io.Discard, e.hears) })
				begun := time.Now()
				end(e)
				if err := <-e.ended; err != nil {
					t.Error(err)
				}
				if took := time.Since(begun); took > lastWords {
					t.Errorf("it took %v", took)
				}
				close(undo)
			})
		})
	}
}

// Garbage is answered, or ends the bridge with words.
func TestGarbage(t *testing.T) {
	t.Parallel()
	e := open(t, unreachable())
	for text, code := range map[string]int{
		`{`:                        codeParse,
		`[{}]`:                     codeInvalid,
		`{}`:                       codeInvalid,
		`"text"`:                   codeInvalid,
		`{"jsonrpc":"2.0","id":5}`: codeInvalid,
	} {
		e.say(text)
		if got, _ := e.failed(); got != code {
			t.Errorf("%s: %d", text, got)
		}
	}
	for _, unheard := range []string{
		`{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{}}`,
		`{"jsonrpc":"2.0","method":"$/cancelRequest","params":7}`,
		`{"jsonrpc":"2.0","method":"$/cancelRequest"}`,
		`{"jsonrpc":"2.0","method":"cancel","params":7}`,
		`{"jsonrpc":"2.0","id":5,"result":{}}`,
	} {
		e.say(unheard)
	}
	e.call("1", "shutdown", "{}")
	e.want(`{"id":1,"result":null}`)
	go func() { _, _ = io.WriteString(e.in, "Content-Length: 99999999999\r\n\r\n") }()
	if code, _ := e.failed(); code != codeParse {
		t.Errorf("%d", code)
	}
	if p := problem.From(<-e.ended); p.Code != problem.Usage || p.Hint == "" {
		t.Errorf("%+v", p)
	}
}

// Only so many calls are at work.
func TestTooManyCalls(t *testing.T) {
	t.Parallel()
	e := open(t, unreachable())
	for i := range mostCalls {
		e.call(fmt.Sprint(i), "subscribe", "{}")
	}
	e.call("-1", "shutdown", "{}")
	for {
		var m message
		if err := json.Unmarshal([]byte(e.hear()), &m); err != nil {
			t.Fatal(err)
		}
		if string(m.ID) == "-1" {
			if m.Error == nil || m.Error.Code != codeInvalid {
				t.Errorf("%+v", m)
			}
			return
		}
	}
}

// An editor learns whom it talks to, whether there is a daemon or not.
func TestIntroduction(t *testing.T) {
	t.Parallel()
	build := rpc.Build{Protocol: 1, Version: "v9"}
	met := &daemons{methods: handler.Map{
		rpc.MethodInitialize: handler.New(func(context.Context, rpc.Initialize) (rpc.Initialized, error) {
			return rpc.Initialized{Build: build, Capabilities: []string{rpc.CanSubscribe}}, nil
		}),
	}}
	for name, o := range map[string]Options{"a daemon": met.options(), "none": unreachable()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := open(t, o)
			e.call("1", "initialize", `{"processId":1,"capabilities":{}}`)
			e.say(`{"jsonrpc":"2.0","method":"initialized","params":{}}`)
			var m struct{ Result rpc.BridgeInitialized }
			if err := json.Unmarshal([]byte(e.hear()), &m); err != nil {
				t.Fatal(err)
			}
			got := m.Result
			if got.ServerInfo.Name != "nhctl" || got.Build.Protocol != rpc.Protocol || got.Socket != "/socket" ||
				got.Dir != "/work" || got.OS == "" || got.Arch == "" || got.Log == "" ||
				got.Capabilities.Bridge == nil {
				t.Errorf("%+v", got)
			}
			if name == "none" {
				if got.Daemon != nil || got.Problem == nil {
					t.Errorf("%+v", got)
				}
				return
			}
			if diff := cmp.Diff(&build, got.Daemon); diff != "" || got.Problem != nil ||
				len(got.Capabilities.Daemon) != 1 {
				t.Errorf("%+v\n%s", got, diff)
			}
		})
	}
}

// A panic is the problem of its call.
func TestPanic(t *testing.T) {
	t.Parallel()
	o := unreachable()
	o.Connect = func(context.Context, client.Notified) (*client.Client, error) { panic("no such luck") }
	e := open(t, o)
	for range 2 { // the next call gets its turn
		e.call("1", "dev.list", "{}")
		if _, p := e.failed(); p.Code != problem.Internal || !strings.Contains(p.Message, "no such luck") {
			t.Errorf("%+v", p)
		}
	}
}
