package dap

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/debugger"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// service is the program that the client launched or attached to.
type service struct {
	arguments Arguments
	attach    bool
	// target is its session, and debug how its debugger is reached.
	target rpc.Target
	debug  event.DebugData
	// waiting says that the program stands before its first line until a client has set its breakpoints.
	waiting bool
	// unanswered is the launch or attach that the debugger has still to agree to.
	unanswered *message
	// work is the request that starts or stops the program at this moment, changing says that one does, and cancel ends
	// that.
	work     message
	changing bool
	cancel   context.CancelFunc
	// following ends the following of the program's output.
	following context.CancelFunc
	// over says that the debugger has told of the program's end, and exit with which code, where it did.
	over bool
	exit *int
}

// found notes the debugger of a program.
func (s *service) found(d event.DebugData) { s.debug, s.waiting = d, d.Waits }

// begins launches the program, or attaches to the one that runs.
func (a *Adapter) begins(m message) {
	if a.client.begun {
		a.refuse(m, problem.New(problem.Usage, "%s: there was a launch or attach already", m.Command))
		return
	}
	arguments, err := parseArguments(m.Command, m.Arguments)
	if err != nil {
		a.refuse(m, err)
		return
	}
	a.client.begun = true
	a.service = service{arguments: arguments, attach: m.Command == "attach", unanswered: &m}
	starter := starter{a: a, arguments: arguments, attach: a.service.attach}
	a.change(m, "nhctl "+m.Command, func(ctx context.Context, p *progress) func() {
		starter.hear = p.hear
		started, err := starter.begin(ctx)
		return func() {
			if err != nil {
				a.failed(err)
				return
			}
			a.begun(started)
		}
	})
}

// change does work that starts or stops the program. It returns a function for the adapter's own goroutine, which is
// called when the work is done.
func (a *Adapter) change(m message, title string, work func(context.Context, *progress) func()) {
	ctx, cancel := context.WithCancel(a.ctx)
	a.service.work, a.service.changing, a.service.cancel = m, true, cancel
	p := a.begin(title, m.Seq)
	a.goes(func() {
		defer cancel()
		after := work(ctx, p)
		p.end()
		a.post(func() {
			a.service.changing = false
			after()
		})
	})
}

// starter starts a program, or finds one that runs, in a goroutine of its own.
type starter struct {
	a         *Adapter
	arguments Arguments
	attach    bool
	hear      func(event.Event)
}

// startedProgram is what a starter has found.
type startedProgram struct {
	target  rpc.Target
	command event.CommandData
	debug   event.DebugData
	conn    net.Conn // to the debugger; nil without one
	// before is when the last build had ended that is no part of this.
	before time.Time
}

func (s *starter) begin(ctx context.Context) (startedProgram, error) {
	caller := s.a.Backend.Caller(s.arguments.place())
	found := startedProgram{target: s.arguments.target(caller)}
	session, err := s.session(ctx, found.target)
	if err != nil {
		return found, err
	}
	found.target.Session = session.ID
	if found.target.Container == "" && len(session.Containers) > 1 {
		found.target.Container = session.Container // the first: a search has to tell its commands from others'
	}
	if last, there := commandOf(session, s.arguments.Container, build); there {
		found.before = started(last)
		if last.Finished != nil {
			found.before = *last.Finished
		}
	}
	return found, s.program(ctx, &found)
}

// session is the one that is meant; where there is none, it is started if the client wishes that.
func (s *starter) session(ctx context.Context, t rpc.Target) (session rpc.Session, err error) {
	err = s.a.Backend.Call(ctx, rpc.MethodStatus, t, &session, s.hear)
	if err == nil {
		return session, nil
	}
	if p := problem.From(err); p.Code != problem.NoSession || !s.arguments.Start {
		if p.Code == problem.NoSession && !s.attach {
			return session, p.WithHint("set \"start\": true to start dev mode with the launch, " +
				"or start it: nhctl dev start")
		}
		return session, err
	}
	err = s.a.Backend.Call(ctx, rpc.MethodStart, s.arguments.start(t), &session, s.hear)
	return session, err
}

// program starts the program, or finds it, and connects to its debugger.
func (s *starter) program(ctx context.Context, found *startedProgram) (err error) {
	if s.arguments.NoDebug {
		return s.a.Backend.Call(ctx, rpc.MethodRun, s.arguments.run(found.target), &found.command, s.hear)
	}
	call := s.arguments.debug(found.target)
	if s.attach {
		call = s.arguments.join(found.target)
	}
	if err := s.a.Backend.Call(ctx, rpc.MethodDebug, call, &found.debug, s.hear); err != nil {
		return err
	}
	found.command = found.debug.Command
	if a := found.debug.Attach; a == nil || a.DAP == nil {
		return &handover{found.debug}
	}
	if !s.attach {
		settle(ctx, found.debug)
	}
	found.conn, err = dial(ctx, found.debug)
	return err
}

// handover is the error of a program whose debugger speaks another protocol: another client has to debug it.
type handover struct{ debug event.DebugData }

func (h *handover) Error() string { return h.problem().Message }

// problem says which client that is.
func (h *handover) problem() *problem.Error {
	p := problem.New(problem.Refused, "the debugger of %s at %s:%d does not speak the Debug Adapter Protocol",
		h.language(), h.debug.Host, h.debug.Port)
	switch h.debug.Language {
	case "node":
		return p.WithHint("the program runs: attach VS Code's own debugger for Node, or chrome://inspect, to that port")
	case "java":
		return p.WithHint("the program runs: attach the editor's Java debugger (in VS Code the extension " +
			"\"Debugger for Java\") to that port")
	}
	return p.WithHint("the program runs: attach a client of its debugger to that port, or set " +
		"containers[].dev.debug.language in .dev/config.yaml if it is one that nhctl knows")
}

func (h *handover) language() string {
	if h.debug.Language == "" {
		return "the program"
	}
	return h.debug.Language
}

// failed ends a launch or attach that has failed.
func (a *Adapter) failed(err error) {
	m := a.service.unanswered
	if m == nil || a.client.ended {
		return
	}
	a.service.unanswered = nil
	var configuration any
	if h, ok := err.(*handover); ok {
		err = h.problem()
		if h.debug.Attach != nil {
			configuration = h.debug.Attach.VSCode
			a.out.notice("nhctl.handover", map[string]any{
				"language":      h.debug.Language,
				"configuration": configuration,
			})
		}
	}
	_, text := a.failureOf(err)
	a.say(important, "nhctl: "+text)
	a.refuseWith(*m, err, configuration)
	a.terminated(nil)
}

// begun goes on with a program that was started or found.
func (a *Adapter) begun(p startedProgram) {
	if a.client.ended {
		if p.conn != nil {
			p.conn.Close()
		}
		return
	}
	a.service.target = p.target
	a.service.found(p.debug)
	a.followAll(p)
	if p.conn != nil {
		a.greet(a.connect(p.conn, false))
		return
	}
	a.service.debug.Command = p.command
	a.client.announced = true
	a.answer(*a.service.unanswered, nil)
	a.service.unanswered = nil
	a.out.notice("initialized", nil)
	a.watch()
}

// followAll follows what the program and its later builds print.
func (a *Adapter) followAll(p startedProgram) {
	if a.service.following != nil {
		a.service.following()
	}
	ctx, cancel := context.WithCancel(a.ctx)
	a.service.following = cancel
	name, tail := debug, 0
	if a.service.arguments.NoDebug {
		name = run
	}
	if a.service.attach {
		tail = attachTail
	} else {
		a.output.since(name, started(p.command).Add(-1))
	}
	a.output.since(build, p.before)
	target := a.service.target
	a.goes(func() { a.follow(ctx, target, name, tail) })
	a.goes(func() { a.follow(ctx, target, build, 0) })
}

// attachTail is how many lines a client sees that a program printed before it attached.
const attachTail = 20

// greetLimit limits how long a debugger may take until it is ready for breakpoints.
const greetLimit = 30 * time.Second

// greet begins the conversation with the debugger, up to the point where it takes breakpoints.
func (a *Adapter) greet(l *link) {
	a.service.over, a.service.exit = false, nil
	why := fmt.Sprintf("it did not become ready within %s", greetLimit)
	if a.service.debug.Language == debugger.Go {
		why += "; where it has another client, it takes one more when the program stops next"
	}
	timer := time.AfterFunc(greetLimit, func() {
		a.post(func() {
			if !l.ready {
				a.lost(l, why)
			}
		})
	})
	context.AfterFunc(a.ctx, func() { timer.Stop() })
	a.ask(l, "initialize", a.client.toDebugger(), 0, func(r message) {
		if !r.Success {
			a.disagreed(l, "initialize", r)
			return
		}
		var can map[string]any
		if json.Unmarshal(r.Body, &can) == nil && !a.client.announced {
			a.tellCapabilities(can, true)
		}
		a.askAttach(l)
	})
}

func (a *Adapter) askAttach(l *link) {
	d := a.service.debug.Attach.DAP
	arguments, err := a.service.arguments.forDebugger(d.Arguments)
	if err != nil {
		a.disagreed(l, d.Request, message{Message: err.Error()})
		return
	}
	if a.away != nil && a.away.stood && !l.rebuilt && a.service.debug.Language == "go" {
		arguments["stopOnEntry"] = json.RawMessage("true") // it stands still, and the client learns where
	}
	a.ask(l, d.Request, arguments, 0, func(r message) {
		if !r.Success {
			a.disagreed(l, d.Request, r)
			return
		}
		if m := a.service.unanswered; m != nil {
			a.service.unanswered = nil
			a.answer(*m, given(r.Body))
		}
	})
}

// disagreed is what happens when the debugger refuses to begin.
func (a *Adapter) disagreed(l *link, what string, r message) {
	if a.link != l { // it was lost, and that is dealt with
		return
	}
	why := fmt.Sprintf("the debugger refuses %s: %s", what, r.text())
	if a.service.unanswered != nil && a.away == nil {
		p := problem.New(problem.Command, "%s", why)
		if language := a.service.debug.Language; language != debugger.Go {
			p = p.WithHint("it may have a client already: the debugger of %s takes one at a time", language)
		}
		a.failed(p)
		return
	}
	a.lost(l, why)
}

// ready goes on when the debugger takes breakpoints: it sets those that are known. Then the client sets its own, or
// the program goes on.
func (a *Adapter) ready(l *link) {
	if l.ready {
		return
	}
	l.ready = true
	sets, gone := a.known.again(l.rebuilt)
	for _, s := range sets {
		a.ask(l, s.command, s.arguments, 0, func(r message) {
			changed := s.unverified(r.text())
			if r.Success {
				changed = a.known.setAgain(s, r.Body, l.ids)
				a.known.done(s)
			} else if a.link != l {
				return // the next link sets it
			}
			a.tellChanged(changed)
		})
	}
	for _, s := range gone {
		a.tellChanged(s.unverified("it belongs to the program before this one"))
	}
	a.known.drop(gone)
	switch {
	case !a.client.announced:
		a.client.announced = true
		a.out.notice("initialized", nil)
	case a.client.configured:
		a.ask(l, "configurationDone", nil, 0, func(r message) {
			if !r.Success {
				a.disagreed(l, "configurationDone", r)
				return
			}
			a.service.waiting = false
			a.back(l)
		})
		return
	}
	a.back(l)
}

func (a *Adapter) tellChanged(list []breakpoint) {
	for _, b := range list {
		a.out.notice("breakpoint", map[string]any{"reason": "changed", "breakpoint": b})
	}
}

// back says that the program is there again, where it was away.
func (a *Adapter) back(l *link) {
	if a.away == nil {
		return
	}
	a.away = nil
	text := "nhctl: joined the program again"
	if l.rebuilt {
		text = "nhctl: joined the program that was built again"
	}
	a.say(console, text)
}

// text is why an answer is a failure, in the debugger's words.
func (m message) text() string {
	var body struct {
		Error struct {
			Format    string            `json:"format"`
			Variables map[string]string `json:"variables"`
		} `json:"error"`
	}
	if json.Unmarshal(m.Body, &body) == nil && body.Error.Format != "" {
		return filled(body.Error.Format, body.Error.Variables)
	}
	if m.Message == "" {
		return "it does not say why"
	}
	return m.Message
}
