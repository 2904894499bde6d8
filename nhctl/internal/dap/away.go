package dap

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/debugger"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// absence is the time between two links: at most one at a time looks for the program.
type absence struct {
	since time.Time
	// before is when the program was started that the last link led to. Links that came to nothing since do not count.
	before time.Time
	// looking ends the search, where one is under way.
	looking context.CancelFunc
	// said is what the client has heard last.
	said string
	// tries counts the searches: one that has found the program in vain is followed by another.
	tries int
	// stood says that the program stood at a breakpoint or the like.
	stood bool
}

// look is the pause between two looks at the session, and idleLook where nothing happens before the next change. A
// start of the program, which its output tells, ends either.
const (
	look     = 100 * time.Millisecond
	idleLook = time.Second
)

// lost is what happens when a link ends: the client's session goes on, and the adapter looks for the program.
func (a *Adapter) lost(l *link, why string) {
	if a.link != l {
		return
	}
	a.dropLink()
	if a.client.ended {
		return
	}
	if a.away == nil {
		a.away = &absence{
			since:  time.Now(),
			before: started(a.service.debug.Command),
			stood:  a.stopped != 0,
		}
	}
	a.forgetStops()
	if !a.service.changing { // else who changes it goes on
		a.search(why)
	}
}

// search looks for the program, which was lost for a reason, and joins it.
func (a *Adapter) search(why string) {
	if a.away.looking != nil {
		return
	}
	ctx, cancel := context.WithCancel(a.ctx)
	a.away.looking = cancel
	a.away.tries++
	join := a.service.arguments.join(a.service.target)
	join.Paths = a.service.debug.Paths
	s := search{
		Adapter: a,
		last: lastSeen{
			command:   debug,
			container: a.service.target.Container,
			started:   a.away.before,
			over:      a.service.over && !findsAgain(a.service.debug.Command.Argv),
			grace:     a.Grace,
		},
		join:   join,
		since:  a.away.since,
		waits:  a.service.arguments.Wait,
		waited: a.service.waiting,
	}
	if a.away.tries == 1 {
		a.goes(func() { s.run(ctx) })
		return
	}
	a.goes(func() {
		if s.rest(ctx, look, why) {
			s.run(ctx)
		}
	})
}

// search is one search for the program, in a goroutine of its own.
type search struct {
	*Adapter
	last  lastSeen
	join  rpc.Debug
	since time.Time
	// rested is the time that does not count: nothing was to be expected in it.
	rested time.Duration
	// waits says that a program stands before its first line when it is started; waited that the last one still did.
	waits, waited bool
}

// findsAgain says that a command finds its program again when something below it starts that again: then a program
// that has ended says nothing of the command.
func findsAgain(argv []string) bool {
	return len(argv) > 1 && argv[0] == contract.Binary && argv[1] == "debug"
}

func (s *search) run(ctx context.Context) {
	for ctx.Err() == nil {
		found, why, code := s.look(ctx)
		pause := look
		switch found {
		case joins:
			err := s.take(ctx)
			if err == nil {
				return
			}
			why = err.Error()
			s.waiting(why)
		case ends:
			s.post(func() { s.over(ctx, why, code) })
			return
		case rests:
			text := why + "; the next change of the sources starts it again"
			s.post(func() { s.tell(text) })
			pause = idleLook
		default:
			s.waiting(why)
		}
		begun := time.Now()
		if !s.rest(ctx, pause, why) {
			return
		}
		if found == rests {
			s.rested += time.Since(begun)
		}
	}
}

// waiting tells the client what the search waits for, once that takes long enough to be noticed.
func (s *search) waiting(why string) {
	if time.Since(s.since) > time.Second {
		s.post(func() { s.tell("waiting: " + why) })
	}
}

// rest makes a pause, which a start of the program ends, and says whether there is still time to look again. Without,
// it gives up for the reason.
func (s *search) rest(ctx context.Context, pause time.Duration, why string) bool {
	if time.Since(s.since)-s.rested > s.Patience {
		s.post(func() { s.giveUp(ctx, why) })
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-s.startedAgain:
	case <-time.After(pause):
	}
	return true
}

// look asks for the session once. It returns the exit code of a program that has ended, where it has one.
func (s *search) look(ctx context.Context) (found verdict, why string, code *int) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	var session rpc.Session
	if err := s.Backend.Call(ctx, rpc.MethodStatus, s.join.Target, &session, quiet); err != nil {
		p := problem.From(err)
		if p.Code == problem.NoSession {
			return ends, p.Message, nil
		}
		return waits, p.Message, nil
	}
	last := s.last
	last.ago = time.Since(s.since)
	found, why = judge(session, last)
	this, _ := commandOf(session, last.container, last.command)
	return found, why, this.ExitCode
}

// askLimit limits one question about the session.
const askLimit = 40 * time.Second

// quiet hears no events.
func quiet(event.Event) {}

// take joins the program that runs.
func (s *search) take(ctx context.Context) error {
	var d event.DebugData
	if err := s.Backend.Call(ctx, rpc.MethodDebug, s.join, &d, quiet); err != nil {
		return err
	}
	rebuilt := !started(d.Command).Equal(s.last.started)
	if s.waits && rebuilt || s.waited && !rebuilt {
		d.Waits = true // whoever only joins is not told
		d.Attach = debugger.Attach(d)
	} else if rebuilt {
		settle(ctx, d)
	}
	conn, err := dial(ctx, d)
	if err != nil {
		return err
	}
	if !s.post(func() { s.found(ctx, d, conn, rebuilt) }) {
		conn.Close()
	}
	return nil
}

// tell tells the client how the search stands, once.
func (a *Adapter) tell(text string) {
	if a.away != nil && a.away.said != text {
		a.away.said = text
		a.say(console, "nhctl: "+text)
	}
}

// found takes the connection that a search has made.
func (a *Adapter) found(ctx context.Context, d event.DebugData, conn net.Conn, rebuilt bool) {
	if ctx.Err() != nil || a.away == nil {
		conn.Close()
		return
	}
	a.away.looking = nil
	a.service.found(d)
	a.greet(a.connect(conn, rebuilt))
}

// over ends the client's session with its program. The exit code is the debugger's word, or else that of the command.
func (a *Adapter) over(ctx context.Context, why string, code *int) {
	if ctx.Err() != nil || a.away == nil {
		return
	}
	a.say(console, "nhctl: "+why)
	a.terminated(cmp.Or(a.service.exit, code))
}

// giveUp ends the client's session with a diagnosis.
func (a *Adapter) giveUp(ctx context.Context, why string) {
	if ctx.Err() != nil || a.away == nil {
		return
	}
	a.say(important, fmt.Sprintf("nhctl: the program did not come back within %s: %s; see `nhctl dev status` and "+
		"`nhctl dev logs`, and attach again once it runs", a.Patience, why))
	a.terminated(nil)
}
