package ide

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/client"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// call is one of the editor's. It has a connection to the daemon of its own, as a command has: so the daemon's replies
// need no other ids, and one call waits for no other.
type call struct {
	bridge *bridge
	id     string // as JSON
	method string
	cancel context.CancelFunc
	// cancelled says that the editor did that.
	cancelled atomic.Bool
	ended     chan struct{} // closed once the call is answered
	token     json.RawMessage
}

// do answers the call.
func (c *call) do(ctx context.Context, params json.RawMessage) (json.RawMessage, error) {
	switch c.method {
	case rpc.MethodBridgeInitialize:
		return json.Marshal(c.bridge.introduce(ctx))
	case rpc.MethodShutdown:
		return json.RawMessage(none), nil
	case rpc.MethodCancel:
		return c.cancelOthers(ctx, params)
	case rpc.MethodAttach, rpc.MethodCarry:
		return nil, problem.New(problem.Usage, "%s needs a connection of its own, which standard streams can't be",
			c.method).
			WithHint("run `nhctl dev terminal`, `nhctl dev exec` or `nhctl run` as a process of a terminal")
	}
	params, err := c.complete(params)
	if err != nil {
		return nil, err
	}
	if c.method == rpc.MethodSubscribe {
		return c.follow(ctx, params)
	}
	c.progress(rpc.ProgressValue{Kind: rpc.ProgressBegin, Title: title(c.method, params), Cancellable: true})
	result, err := c.once(ctx, params, c.heard)
	c.progress(rpc.ProgressValue{Kind: rpc.ProgressEnd, Message: outcome(err)})
	if errors.Is(err, client.ErrLost) {
		err = problem.From(err).WithRemedy(problem.Remedy{Title: "try again"})
	}
	return result, err
}

// once makes the call to the daemon that there is.
func (c *call) once(ctx context.Context, params json.RawMessage, notified client.Notified) (json.RawMessage, error) {
	result := json.RawMessage(none)
	err := c.bridge.call(ctx, c.method, params, &result, notified)
	if errors.Is(err, client.ErrNoMethod) {
		err = problem.New(problem.Usage, "there is no %s, or the daemon is of an older nhctl: %w", c.method, err).
			WithHint("an older daemon is replaced once it is at work for no other command")
	}
	return result, err
}

// heard passes on a notification of the daemon, as one of the editor's call.
func (c *call) heard(method string, params json.RawMessage) {
	fields := map[string]json.RawMessage{}
	if json.Unmarshal(params, &fields) != nil {
		return
	}
	fields["call"], _ = json.Marshal(c.id)
	c.notify(method, fields)
	var e event.Event
	if c.token != nil && method == rpc.MethodEvent && json.Unmarshal(params, &e) == nil && e.Step != nil {
		c.progress(rpc.ProgressValue{Kind: rpc.ProgressReport, Message: step(*e.Step)})
	}
}

// notify sends a notification. Where the editor has gone, the call ends by itself.
func (c *call) notify(method string, params any) {
	if data, err := json.Marshal(params); err == nil {
		_ = c.bridge.out.send(message{Method: method, Params: data})
	}
}

func (c *call) progress(v rpc.ProgressValue) {
	if c.token != nil {
		c.notify(rpc.MethodProgress, rpc.Progress{Token: rpc.ID{RawMessage: c.token}, Value: v})
	}
}

// title says what a call does: as the command line would, which an editor may translate.
func title(method string, params json.RawMessage) string {
	var p struct {
		Workload string `json:"workload"`
	}
	_ = json.Unmarshal(params, &p) // a call without a workload has none
	return strings.TrimSpace(strings.ReplaceAll(method, ".", " ") + " " + p.Workload)
}

// step is a step's state in words.
func step(s event.StepData) string {
	text := s.Name
	switch s.State {
	case event.StepDone, event.StepFailed, event.StepUndone:
		text += ": " + string(s.State)
	}
	if s.Detail != "" {
		text += ": " + s.Detail
	}
	return text
}

func outcome(err error) string {
	if err == nil {
		return "done"
	}
	return problem.From(err).Message
}

// complete fills in what the editor has left out of the caller, and takes out what is the bridge's own.
func (c *call) complete(params json.RawMessage) (json.RawMessage, error) {
	fields := map[string]json.RawMessage{}
	if len(params) > 0 {
		if err := json.Unmarshal(params, &fields); err != nil {
			return nil, problem.New(problem.Usage, "the parameters of %s are no object", c.method)
		}
	}
	if fields == nil { // of null
		fields = map[string]json.RawMessage{}
	}
	if token := fields["workDoneToken"]; token != nil && named(token) {
		c.token = token
	}
	delete(fields, "workDoneToken")
	// What this build does not know of a caller stays.
	caller, known := map[string]json.RawMessage{}, rpc.Caller{}
	if given := fields["caller"]; given != nil {
		if err := errors.Join(json.Unmarshal(given, &caller), json.Unmarshal(given, &known)); err != nil {
			return nil, problem.New(problem.Usage, "the caller of %s can't be read: %w", c.method, err)
		}
	}
	completed, err := json.Marshal(c.bridge.caller(known))
	if err == nil {
		err = json.Unmarshal(completed, &caller)
	}
	if err == nil {
		fields["caller"], err = json.Marshal(caller)
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(fields)
}

// caller is a caller as a command would be one. What commands keep from the daemon, an editor's call does not bring
// either.
func (b *bridge) caller(given rpc.Caller) rpc.Caller {
	c := given.Within(b.Caller)
	c.Env = b.Env(given.Env, c.Dir)
	return c
}

// cancelOthers handles rpc.MethodCancel: it is answered once the calls are undone.
func (c *call) cancelOthers(ctx context.Context, params json.RawMessage) (json.RawMessage, error) {
	var p rpc.Cancel
	if len(params) > 0 {
		if err := json.Unmarshal(params, &p); err != nil {
			return nil, problem.New(problem.Usage, "the parameters of %s can't be read: %w", c.method, err)
		}
	}
	if p.ID == c.id {
		return nil, problem.New(problem.Usage, "a call can't cancel itself")
	}
	for _, other := range c.bridge.cancel(p.ID) {
		select {
		case <-other.ended:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return json.RawMessage(`{}`), nil
}

// introductionLimit limits how long an editor waits for its first answer where the daemon does not come up.
const introductionLimit = 5 * time.Second

// introduce answers rpc.MethodBridgeInitialize.
func (b *bridge) introduce(ctx context.Context) rpc.BridgeInitialized {
	build := rpc.ThisBuild()
	said := rpc.BridgeInitialized{
		ServerInfo:   rpc.ServerInfo{Name: "nhctl", Version: build.Version},
		Build:        build,
		Capabilities: rpc.BridgeCapabilities{Bridge: []string{}, Daemon: []string{}},
		Socket:       b.Dirs.Socket,
		Log:          b.Dirs.Log(),
		OS:           runtime.GOOS,
		Arch:         runtime.GOARCH,
		Dir:          b.Caller.Dir,
	}
	ctx, cancel := context.WithTimeout(ctx, introductionLimit)
	defer cancel()
	var daemon rpc.Initialized
	err := b.call(ctx, rpc.MethodInitialize, rpc.Initialize{Build: build}, &daemon, func(string, json.RawMessage) {})
	if err != nil {
		said.Problem = problem.From(fmt.Errorf("reach the daemon: %w", err))
		return said
	}
	said.Daemon, said.Capabilities.Daemon = &daemon.Build, daemon.Capabilities
	return said
}
