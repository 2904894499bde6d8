package dap

import (
	"context"
	"encoding/json"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// leaveLimit limits how long a debugger may take to let the program go.
const leaveLimit = 3 * time.Second

// disconnect ends the client's session. The program goes on, unless the client says otherwise.
func (a *Adapter) disconnect(m message) {
	var arguments struct {
		TerminateDebuggee bool `json:"terminateDebuggee"`
		Restart           bool `json:"restart"`
	}
	if len(m.Arguments) > 0 {
		if err := json.Unmarshal(m.Arguments, &arguments); err != nil {
			a.refuse(m, problem.New(problem.Usage, "disconnect: %w", err))
			return
		}
	}
	end := func() {
		a.answer(m, nil)
		a.cancel()
	}
	if a.service.changing { // a launch is undone, and nothing was joined yet
		a.service.cancel()
	}
	if !arguments.TerminateDebuggee || a.service.target.Session == "" || a.client.ended {
		a.leave(end)
		return
	}
	a.stop(func(err error) {
		if err != nil {
			a.say(important, "nhctl: "+err.Error())
		}
		end()
	})
}

// leave lets the program go on without this client: its breakpoints are taken away, and a program that stands goes on.
// Then done is called.
func (a *Adapter) leave(done func()) {
	l := a.link
	a.client.ended = true
	if l == nil || !l.ready {
		a.dropLink()
		done()
		return
	}
	called := false
	once := func(message) {
		if !called {
			called = true
			a.dropLink()
			done()
		}
	}
	for _, r := range a.known.clear() {
		a.ask(l, r.Command, r.Arguments, 0, func(message) {})
	}
	if a.stopped != 0 {
		a.ask(l, "continue", map[string]any{"threadId": a.stopped}, 0, func(message) {})
	}
	a.ask(l, "disconnect", map[string]any{"terminateDebuggee": false}, 0, once)
	timer := time.AfterFunc(leaveLimit, func() { a.post(func() { once(message{}) }) })
	context.AfterFunc(a.ctx, func() { timer.Stop() })
}

// terminate stops the program.
func (a *Adapter) terminate(m message) {
	if a.service.target.Session == "" {
		a.refuse(m, a.absent(m.Command))
		return
	}
	if a.service.changing {
		a.refuse(m, busy(m))
		return
	}
	a.answer(m, nil)
	a.stop(func(err error) {
		if err != nil {
			a.say(important, "nhctl: "+err.Error())
		}
		a.terminated(nil)
	})
}

func busy(m message) error {
	return problem.New(problem.Refused, "%s: the program is being started or stopped at this moment", m.Command).
		WithHint("try again when that is done, or cancel it")
}

// command is the supervised command that is the program.
func (s service) command() string {
	if s.arguments.NoDebug {
		return run
	}
	return debug
}

// stopLimit limits how long a program may take to end.
const stopLimit = time.Minute

// stop stops the program, and then calls done.
func (a *Adapter) stop(done func(error)) {
	p := rpc.Stop{Target: a.service.target, Command: a.service.command()}
	a.service.changing, a.service.cancel = true, func() {}
	a.stopSearch()
	a.goes(func() {
		ctx, cancel := context.WithTimeout(a.ctx, stopLimit)
		defer cancel()
		err := a.Backend.Call(ctx, rpc.MethodStop, p, nil, quiet)
		a.post(func() {
			a.service.changing = false
			done(err)
		})
	})
}

// stopSearch ends a search for the program.
func (a *Adapter) stopSearch() {
	if a.away != nil && a.away.looking != nil {
		a.away.looking()
		a.away.looking = nil
	}
}

// restart builds the program and starts it again. Where that fails, the client's session stays with the program that
// runs.
func (a *Adapter) restart(m message) {
	switch {
	case a.service.target.Session == "":
		a.refuse(m, a.absent(m.Command))
		return
	case a.client.ended:
		a.refuse(m, a.absent(m.Command))
		return
	case a.service.changing:
		a.refuse(m, busy(m))
		return
	}
	if err := a.service.renew(m.Arguments); err != nil {
		a.refuse(m, err)
		return
	}
	a.stopSearch()
	found := startedProgram{target: a.service.target}
	s := starter{a: a, arguments: a.service.arguments}
	a.change(m, "nhctl restart", func(ctx context.Context, p *progress) func() {
		s.hear = p.hear
		err := s.program(ctx, &found)
		return func() { a.restarted(m, found, err) }
	})
}

// renew takes the arguments of a restart, where it has some: those of the launch as they are now.
func (s *service) renew(raw json.RawMessage) error {
	var r struct {
		Arguments json.RawMessage `json:"arguments"`
	}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &r); err != nil {
			return problem.New(problem.Usage, "restart: %w", err)
		}
	}
	if len(r.Arguments) == 0 {
		return nil
	}
	command := "launch"
	if s.attach {
		command = "attach"
	}
	now, err := parseArguments(command, r.Arguments)
	if err != nil {
		return err
	}
	now.NoDebug = s.arguments.NoDebug
	s.arguments = now
	return nil
}

func (a *Adapter) restarted(m message, found startedProgram, err error) {
	if a.client.ended {
		if found.conn != nil {
			found.conn.Close()
		}
		return
	}
	if err != nil {
		_, text := a.failureOf(err)
		a.say(important, "nhctl: "+text)
		a.refuse(m, err)
		if a.away != nil { // it had stopped already
			a.search(text)
		}
		return
	}
	a.answer(m, nil)
	if found.conn == nil {
		a.service.debug.Command = found.command
		return
	}
	if a.link != nil { // the connection to the old program has not told of its end yet
		a.dropLink()
		a.forgetStops()
	}
	if a.away == nil {
		a.away = &absence{since: time.Now()}
	}
	a.service.found(found.debug)
	a.greet(a.connect(found.conn, true))
}

// watchPause is the pause between two looks at a program without a debugger.
const watchPause = time.Second

// watch ends the client's session with a program that runs without a debugger.
func (a *Adapter) watch() {
	last := lastSeen{
		command:   run,
		container: a.service.target.Container,
		started:   started(a.service.debug.Command),
	}
	target := a.service.target
	a.goes(func() {
		for told := ""; ; {
			select {
			case <-a.ctx.Done():
				return
			case <-time.After(watchPause):
			}
			var s rpc.Session
			if err := a.Backend.Call(a.ctx, rpc.MethodStatus, target, &s, quiet); err != nil {
				if p := problem.From(err); p.Code == problem.NoSession {
					a.post(func() { a.overRun(p.Message, event.CommandData{}) })
					return
				}
				continue
			}
			this, _ := commandOf(s, last.container, run)
			found, why := judge(s, last)
			switch {
			case found == ends:
				a.post(func() { a.overRun(why, this) })
				return
			case found == rests && told != why:
				told = why
				a.post(func() { a.say(console, "nhctl: "+why+"; the next change of the sources starts it again") })
			}
		}
	})
}

// overRun ends the client's session with a program that has ended, unless it is being started again.
func (a *Adapter) overRun(why string, c event.CommandData) {
	if a.client.ended {
		return
	}
	if a.service.changing {
		a.watch()
		return
	}
	a.say(console, "nhctl: "+why)
	a.terminated(c.ExitCode)
}
