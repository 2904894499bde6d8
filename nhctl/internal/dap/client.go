package dap

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/go-dap"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// client is what is known of the client.
type client struct {
	// arguments are those of initialize; nil before it.
	arguments map[string]any
	// progress says that it shows the protocol's progress.
	progress bool
	// begun says that there was a launch or attach; announced that the client has heard of the time to set breakpoints;
	// configured that it has set them; ended that its session is over.
	begun, announced, configured, ended bool
}

// fromClient takes a message of the client.
func (a *Adapter) fromClient(data []byte) {
	var m message
	if err := json.Unmarshal(data, &m); err != nil {
		a.say(console, fmt.Sprintf("nhctl dap: a message of the editor is left out, it can't be read: %v", err))
		return
	}
	if m.Type != "request" { // the adapter asks the client for nothing
		return
	}
	switch {
	case m.Command == "":
		a.refuse(m, problem.New(problem.Usage, "a request has no command"))
	case a.client.arguments == nil && m.Command != "initialize" && m.Command != "disconnect":
		a.refuse(m, problem.New(problem.Usage, "%s: initialize comes first", m.Command))
	default:
		a.serve(m)
	}
}

// serve does what the client asks for. All that is not the adapter's goes to the debugger.
func (a *Adapter) serve(m message) {
	switch m.Command {
	case "initialize":
		a.initialize(m)
	case "launch", "attach":
		a.begins(m)
	case "configurationDone":
		a.configurationDone(m)
	case "disconnect":
		a.disconnect(m)
	case "terminate":
		a.terminate(m)
	case "restart":
		a.restart(m)
	case "cancel":
		a.cancelRequest(m)
	case "threads":
		a.askThreads(m)
	case "dataBreakpointInfo":
		a.pass(m, func(answer message) { a.lasting(answer) })
	case "continue", "next", "stepIn", "stepOut", "stepBack", "reverseContinue", "goto":
		a.pass(m, func(message) { a.stopped = 0 })
	default:
		if slices.Contains(setters(), m.Command) {
			a.setBreakpoints(m)
			return
		}
		a.pass(m, nil)
	}
}

// refuse answers a request with an error.
func (a *Adapter) refuse(m message, err error) { a.refuseWith(m, err, nil) }

func (a *Adapter) refuseWith(m message, err error, handover any) {
	body, text := a.failureOf(err)
	body.Handover, body.Error.ShowUser = handover, handover == nil // who hands over shows nothing
	a.out.response(response{RequestSeq: m.Seq, Command: m.Command, Message: text, Body: body})
}

// answer answers a request.
func (a *Adapter) answer(m message, body any) {
	a.out.response(response{RequestSeq: m.Seq, Command: m.Command, Success: true, Body: body})
}

// capabilities are what the adapter can whatever the debugger is.
func capabilities() map[string]any {
	return map[string]any{
		"supportsConfigurationDoneRequest": true,
		"supportsTerminateRequest":         true,
		"supportsRestartRequest":           true,
		"supportTerminateDebuggee":         true,
		"supportsCancelRequest":            true,
	}
}

// usual are what debuggers can as a rule. Clients hear that before the debugger is known, since not all of them take
// the event that tells what it can indeed.
func usual() []string {
	return []string{"supportsConditionalBreakpoints", "supportsHitConditionalBreakpoints", "supportsLogPoints",
		"supportsFunctionBreakpoints", "supportsEvaluateForHovers", "supportsSetVariable"}
}

func (a *Adapter) initialize(m message) {
	if a.client.arguments != nil {
		a.refuse(m, problem.New(problem.Usage, "initialize: it was done already"))
		return
	}
	var known dap.InitializeRequestArguments
	arguments := map[string]any{}
	if len(m.Arguments) > 0 {
		err := json.Unmarshal(m.Arguments, &known)
		if err == nil {
			err = json.Unmarshal(m.Arguments, &arguments)
		}
		if err != nil {
			a.refuse(m, problem.New(problem.Usage, "initialize: %w", err))
			return
		}
	}
	if arguments == nil { // null
		arguments = map[string]any{}
	}
	a.client.arguments, a.client.progress = arguments, known.SupportsProgressReporting
	can := capabilities()
	for _, name := range usual() {
		can[name] = true
	}
	a.answer(m, can)
}

// toDebugger are the arguments of initialize for the debugger: the client's, less what the adapter does not carry.
func (c client) toDebugger() map[string]any {
	all := map[string]any{"linesStartAt1": true, "columnsStartAt1": true, "pathFormat": "path"}
	for name, value := range c.arguments {
		all[name] = value
	}
	all["adapterID"] = "nhctl"
	all["supportsRunInTerminalRequest"], all["supportsStartDebuggingRequest"] = false, false
	return all
}

// tellCapabilities tells what the debugger can. It also takes back what the client heard before, and
// the debugger can't.
func (a *Adapter) tellCapabilities(debuggers map[string]any, all bool) {
	can := map[string]any{}
	if all {
		for _, name := range usual() {
			can[name] = false
		}
	}
	for name, value := range debuggers {
		can[name] = value
	}
	for name, value := range capabilities() {
		can[name] = value
	}
	delete(can, "supportSuspendDebuggee")
	a.out.notice("capabilities", map[string]any{"capabilities": can})
}

func (a *Adapter) configurationDone(m message) {
	if !a.client.announced || a.client.configured {
		a.refuse(m, problem.New(problem.Usage, "configurationDone: there is nothing to configure now"))
		return
	}
	a.client.configured = true
	l := a.link
	if l == nil || !l.ready { // the next link is configured when it is there
		a.answer(m, nil)
		return
	}
	a.ask(l, m.Command, nil, m.Seq, func(r message) {
		a.service.waiting = a.service.waiting && !r.Success
		a.carry(m, r)
	})
}

// cancelRequest ends what is being done for a request, or a launch by its progress.
func (a *Adapter) cancelRequest(m message) {
	var c struct {
		RequestID  int    `json:"requestId"`
		ProgressID string `json:"progressId"`
	}
	if len(m.Arguments) > 0 {
		if err := json.Unmarshal(m.Arguments, &c); err != nil {
			a.refuse(m, problem.New(problem.Usage, "cancel: %w", err))
			return
		}
	}
	a.answer(m, nil)
	s := &a.service
	if s.changing && (c.RequestID == s.work.Seq || c.ProgressID != "" && c.ProgressID == progressID(s.work.Seq)) {
		s.cancel()
		return
	}
	if l := a.link; l != nil && c.RequestID != 0 {
		for seq, p := range l.pending {
			if p.client == c.RequestID {
				a.ask(l, "cancel", map[string]any{"requestId": seq}, 0, func(message) {})
				return
			}
		}
	}
}

// terminated ends the client's session; it asks to disconnect then.
func (a *Adapter) terminated(exit *int) {
	if a.client.ended {
		return
	}
	a.client.ended = true
	if a.away != nil && a.away.looking != nil {
		a.away.looking()
	}
	a.away = nil
	a.dropLink()
	a.forgetStops()
	if a.service.following != nil {
		a.service.following()
	}
	if m := a.service.unanswered; m != nil {
		a.service.unanswered = nil
		a.refuse(*m, problem.New(problem.Command, "%s: the program has ended before its debugger was joined",
			m.Command).WithHint("the console says more, and `nhctl dev logs`"))
	}
	if exit != nil {
		a.out.notice("exited", map[string]any{"exitCode": *exit})
	}
	a.out.notice("terminated", nil)
}
