package dap

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/baseprotocol"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/dap/daptest"
	"github.com/nhctl/nhctl/nhctl/internal/debugger"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// limit limits every wait of a test: far more than it takes, also on a machine that is busy.
const limit = time.Minute

// editor is a client of an adapter.
type editor struct {
	*daptest.Client
	t     *testing.T
	ended chan error
}

// edit starts an adapter, and its client.
func edit(t *testing.T, o Options) *editor {
	t.Helper()
	in, toAdapter := io.Pipe()
	fromAdapter, out := io.Pipe()
	o.In, o.Out = in, out
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	e := &editor{Client: daptest.New(t, fromAdapter, toAdapter, limit), t: t, ended: make(chan error, 1)}
	go func() {
		e.ended <- Serve(ctx, o)
		in.Close()
		out.Close()
	}()
	return e
}

// begin initializes and attaches or launches, sets a breakpoint, and lets the program go.
func (e *editor) begin(command, arguments string) {
	e.t.Helper()
	e.Ask("initialize", `{"adapterID":"nhctl"}`)
	begun := e.Send(command, arguments)
	e.Event("initialized")
	e.Ask("setBreakpoints", lines(1, 7))
	e.Ask("configurationDone", "")
	e.Answer(begun)
}

// lines are the arguments of setBreakpoints for lines of a file.
func lines(file int, list ...int) string {
	all := []map[string]any{}
	for _, n := range list {
		all = append(all, map[string]any{"line": n, "condition": fmt.Sprintf("x > %d", n)})
	}
	data, _ := json.Marshal(map[string]any{
		"source":      map[string]any{"path": fmt.Sprintf("/src/%d.py", file)},
		"breakpoints": all,
	})
	return string(data)
}

// leaves disconnects, and returns how the adapter ended.
func (e *editor) leaves(arguments string) error {
	e.t.Helper()
	e.Ask("disconnect", arguments)
	return e.end()
}

func (e *editor) end() error {
	e.t.Helper()
	select {
	case err := <-e.ended:
		return err
	case <-time.After(limit):
		e.t.Fatal("the adapter does not end")
		return nil
	}
}

// pod is a session's pod in memory, with a debugger that any number of clients may join. It is the adapter's backend.
type pod struct {
	t        *testing.T
	language string
	listener net.Listener

	mu      sync.Mutex
	changed *sync.Cond
	session rpc.Session
	started int // how often a program was started
	calls   []string
	fails   map[string]error // of a method's next call
	hear    map[string]func(event.Event)
	conns   map[*far]bool
	asked   []message        // by the clients of the debugger
	mute    []string         // commands that the debugger does not answer
	broken  bool             // it ends all connections
	knew    []event.PathData // what the client knew that joined last
}

// far is a client's connection at the debugger's end.
type far struct {
	net.Conn
	mu  sync.Mutex
	seq int
}

func newPod(t *testing.T, language string) *pod {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &pod{
		t:        t,
		language: language,
		listener: listener,
		session:  rpc.Session{ID: "s1", Workload: "deployment/web", Link: &event.LinkData{State: "up"}},
		fails:    map[string]error{},
		hear:     map[string]func(event.Event){},
		conns:    map[*far]bool{},
	}
	p.changed = sync.NewCond(&p.mu)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { p.serve(&far{Conn: conn}) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		p.drop()
		serving.Wait()
	})
	return p
}

func (p *pod) Caller(place Place) rpc.Caller {
	return rpc.Caller{
		Dir:        place.Folder,
		Context:    place.Context,
		Namespace:  place.Namespace,
		Kubeconfig: place.Kubeconfig,
	}
}

func (p *pod) Call(ctx context.Context, method string, params, result any, hear func(event.Event)) error {
	if method == rpc.MethodLogs {
		return p.logs(ctx, params.(rpc.Logs), hear)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if method != rpc.MethodStatus || len(p.calls) == 0 {
		p.calls = append(p.calls, method)
		p.changed.Broadcast()
	}
	if err := p.fails[method]; err != nil {
		delete(p.fails, method)
		hear(event.Event{Type: event.Log, Log: &event.LogData{Command: build, Stream: "stderr", Text: "main.py:1: oh"}})
		return err
	}
	switch method {
	case rpc.MethodStatus:
		if p.session.ID == "" {
			return problem.New(problem.NoSession, "web is not in dev mode")
		}
		return fill(result, p.session)
	case rpc.MethodStart:
		p.session.ID = "s1"
		hear(event.Event{Type: event.Step, Step: &event.StepData{Name: "create the twin", State: event.StepDone}})
		return fill(result, p.session)
	case rpc.MethodDebug:
		return p.debug(params.(rpc.Debug), result)
	case rpc.MethodRun:
		return fill(result, p.run(run, params.(rpc.Run)))
	case rpc.MethodStop:
		p.exit(params.(rpc.Stop).Command, 0)
		return nil
	}
	return fmt.Errorf("no method %s", method)
}

func fill(result, from any) error {
	if result == nil {
		return nil
	}
	data, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, result)
}

func (p *pod) debug(call rpc.Debug, result any) error {
	c, _ := commandOf(p.session, "", debug)
	if runs := c.State == "running"; call.OnlyJoin && !runs {
		return problem.New(problem.NotFound, "no program runs under a debugger")
	} else if !call.OnlyJoin {
		c = p.run(debug, call.Run)
	}
	d := event.DebugData{
		Command:  c,
		Host:     "127.0.0.1",
		Port:     p.listener.Addr().(*net.TCPAddr).Port,
		Language: p.language,
		Paths:    []event.PathData{{Local: "/src", Remote: "/home/dev/src"}},
	}
	p.knew = call.Paths
	d.Attach = debugger.Attach(d)
	return fill(result, d)
}

// run starts a command; the lock is held.
func (p *pod) run(name string, call rpc.Run) event.CommandData {
	p.started++
	begun := time.Unix(int64(p.started), 0)
	c := event.CommandData{Name: name, State: "running", Started: &begun, Argv: append([]string{"./web"}, call.Args...)}
	p.set(c)
	return c
}

func (p *pod) set(c event.CommandData) {
	p.session.Commands = slices.DeleteFunc(slices.Clone(p.session.Commands),
		func(other event.CommandData) bool { return other.Name == c.Name })
	p.session.Commands = append(p.session.Commands, c)
}

// exit ends a command; the lock is held.
func (p *pod) exit(name string, code int) {
	c, _ := commandOf(p.session, "", name)
	c.State, c.ExitCode = "exited", &code
	p.set(c)
	p.dropAll()
}

// begin starts a program under the debugger, as someone else would.
func (p *pod) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.run(debug, rpc.Run{})
}

// reload starts the program again, as a change of the sources does.
func (p *pod) reload() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.run(debug, rpc.Run{})
	p.dropAll()
}

// change changes what the session is.
func (p *pod) change(change func(*rpc.Session)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.session)
}

// drop loses the connections of all clients.
func (p *pod) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropAll()
}

func (p *pod) dropAll() {
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

func (p *pod) logs(ctx context.Context, call rpc.Logs, hear func(event.Event)) error {
	p.mu.Lock()
	p.hear[call.Command] = hear
	p.changed.Broadcast()
	p.mu.Unlock()
	<-ctx.Done()
	return ctx.Err()
}

// print has a command print a line.
func (p *pod) print(l event.LogData) {
	p.t.Helper()
	p.until("someone follows "+l.Command, func() bool { return p.hear[l.Command] != nil })
	p.mu.Lock()
	hear := p.hear[l.Command]
	p.mu.Unlock()
	hear(event.Event{Type: event.Log, Log: &l})
}

// until waits for a condition, which is looked at whenever something changed.
func (p *pod) until(what string, is func() bool) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if daptest.Holds(p.changed, limit, is) {
		return
	}
	var got []string
	for _, m := range p.asked {
		got = append(got, m.Command+" "+string(m.Arguments))
	}
	p.t.Fatalf("not within %s: %s; the debugger was asked:\n%s", limit, what, strings.Join(got, "\n"))
}

func (p *pod) called() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.calls)
}

// requests takes what the debugger was asked so far, up to a command.
func (p *pod) requests(to string) (all []string) {
	p.t.Helper()
	p.until("it is asked for "+to, func() bool {
		return slices.ContainsFunc(p.asked, func(m message) bool { return m.Command == to })
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, m := range p.asked {
		all = append(all, strings.TrimSpace(m.Command+" "+string(m.Arguments)))
		if m.Command == to {
			p.asked = p.asked[i+1:]
			break
		}
	}
	return all
}

// tell has the debugger send an event to all its clients.
func (p *pod) tell(name, body string) {
	p.mu.Lock()
	conns := slices.Collect(maps.Keys(p.conns))
	p.mu.Unlock()
	for _, c := range conns {
		c.send(func(seq int) any {
			return notice{Seq: seq, Type: "event", Event: name, Body: given(json.RawMessage(body))}
		})
	}
}

func (f *far) send(message func(seq int) any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seq++
	data, err := json.Marshal(message(f.seq))
	if err == nil {
		_, _ = f.Write(baseprotocol.Frame(data))
	}
}

// serve is the debugger, with one of its clients.
func (p *pod) serve(f *far) {
	defer f.Close()
	p.mu.Lock()
	p.conns[f] = true
	broken := p.broken
	p.mu.Unlock()
	if broken {
		return
	}
	in := bufio.NewReader(f)
	if first, err := in.Peek(1); err == nil && first[0] == '{' {
		running(in, f)
		return
	}
	r := baseprotocol.NewReader(in, messageLimit)
	for {
		data, err := r.Next()
		var m message
		if err != nil || json.Unmarshal(data, &m) != nil {
			return
		}
		p.mu.Lock()
		p.asked = append(p.asked, m)
		silent := slices.Contains(p.mute, m.Command)
		body, failure := p.bodyOf(m)
		p.changed.Broadcast()
		p.mu.Unlock()
		if m.Type != "request" || silent {
			continue
		}
		f.send(func(seq int) any {
			return response{Seq: seq, Type: "response", RequestSeq: m.Seq, Command: m.Command, Success: failure == nil,
				Message: fmt.Sprint(failure), Body: body}
		})
		switch m.Command {
		case "attach", "launch":
			f.send(func(seq int) any { return notice{Seq: seq, Type: "event", Event: "initialized"} })
		case "disconnect":
			return
		}
	}
}

// running answers a client of delve's own protocol, which is JSON-RPC: the program runs.
func running(from io.Reader, to io.Writer) {
	for in, out := json.NewDecoder(from), json.NewEncoder(to); ; {
		var asked struct {
			ID int `json:"id"`
		}
		if in.Decode(&asked) != nil {
			return
		}
		state := map[string]any{"State": map[string]any{"Running": true}}
		if out.Encode(map[string]any{"id": asked.ID, "result": state, "error": nil}) != nil {
			return
		}
	}
}

// bodyOf is what the debugger answers. It finds the lines of a program that was built again one below.
func (p *pod) bodyOf(m message) (any, error) {
	switch m.Command {
	case "initialize":
		return map[string]any{"supportsConditionalBreakpoints": true, "supportsDataBreakpoints": true}, nil
	case "threads":
		return map[string]any{"threads": []any{map[string]any{"id": 3, "name": "main"}}}, nil
	case "dataBreakpointInfo":
		return map[string]any{"dataId": "x", "canPersist": true}, nil
	case setException:
		return nil, nil
	case "fails":
		return nil, errors.New("no such luck")
	}
	if !slices.Contains(setters(), m.Command) {
		return nil, nil
	}
	var args struct {
		Breakpoints []struct {
			Line int `json:"line"`
		} `json:"breakpoints"`
	}
	_ = json.Unmarshal(m.Arguments, &args)
	list := []any{}
	for i, b := range args.Breakpoints {
		list = append(list, map[string]any{
			"id":       1000*p.started + 100*len(p.asked) + i,
			"verified": true,
			"line":     b.Line + p.started - 1,
		})
	}
	return map[string]any{"breakpoints": list}, nil
}
