package dap

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// pass carries a request to the debugger, and its answer back; also is called with an answer that succeeded.
func (a *Adapter) pass(m message, also func(message)) {
	l := a.link
	if l == nil || !l.ready {
		a.refuse(m, a.absent(m.Command))
		return
	}
	a.ask(l, m.Command, given(m.Arguments), m.Seq, func(r message) {
		if r.Success && also != nil {
			also(r)
		}
		a.carry(m, r)
	})
}

// carry carries the debugger's answer to a request of the client's.
func (a *Adapter) carry(m, answer message) {
	a.out.response(response{
		RequestSeq: m.Seq,
		Command:    m.Command,
		Success:    answer.Success,
		Message:    answer.Message,
		Body:       given(answer.Body),
	})
}

// absent says why a request can't be carried to a debugger.
func (a *Adapter) absent(command string) error {
	switch {
	case a.client.ended:
		return problem.New(problem.Refused, "%s: the program has ended, or is left alone", command)
	case !a.client.begun:
		return problem.New(problem.Refused, "%s: nothing was launched or attached to", command)
	case a.service.arguments.NoDebug:
		return problem.New(problem.Refused, "%s: the program runs without a debugger", command).
			WithHint("launch it without noDebug")
	case a.away != nil:
		return problem.New(problem.Refused, "%s: %s", command, errAway)
	}
	return problem.New(problem.Refused, "%s: the debugger is not there yet", command)
}

// errLater explains breakpoints that wait for a debugger.
const errLater = "it is set once the debugger is there"

// setBreakpoints carries a request that sets breakpoints. It is remembered for the next program; while there is no
// debugger, it waits for one.
func (a *Adapter) setBreakpoints(m message) {
	s, err := a.known.remember(m.Command, m.Arguments)
	if err != nil {
		a.refuse(m, problem.New(problem.Usage, "%w", err))
		return
	}
	l := a.link
	if l == nil || !l.ready {
		a.answer(m, a.known.wait(s, errLater))
		return
	}
	a.ask(l, m.Command, given(m.Arguments), m.Seq, func(r message) {
		switch {
		case r.Success:
			a.answer(m, a.known.answered(s, r.Body, l.ids))
			a.known.done(s)
		case a.link != l: // the next link sets them
			a.answer(m, a.known.wait(s, errAway))
		default:
			a.carry(m, r)
		}
	})
}

// lasting notes a datum that can be watched in the next program, too.
func (a *Adapter) lasting(answer message) {
	var info struct {
		DataID     string `json:"dataId"`
		CanPersist bool   `json:"canPersist"`
	}
	if json.Unmarshal(answer.Body, &info) == nil && info.CanPersist {
		a.known.lasts(info.DataID)
	}
}

// askThreads is answered without a debugger, too: then there are none.
func (a *Adapter) askThreads(m message) {
	if l := a.link; a.client.begun && (l == nil || !l.ready) {
		a.answer(m, map[string]any{"threads": []any{}})
		return
	}
	a.pass(m, func(r message) {
		var body struct {
			Threads []struct {
				ID int `json:"id"`
			} `json:"threads"`
		}
		if json.Unmarshal(r.Body, &body) == nil {
			clear(a.threads)
			for _, t := range body.Threads {
				a.knowThread(t.ID)
			}
		}
	})
}

// threadLimit limits how many threads are remembered for the client.
const threadLimit = 10_000

func (a *Adapter) knowThread(id int) {
	if len(a.threads) < threadLimit {
		a.threads[id] = true
	}
}

// forgetStops tells the client that what it shows of the program is no more: its stops and its threads.
func (a *Adapter) forgetStops() {
	if a.stopped != 0 {
		a.out.notice("continued", map[string]any{"threadId": a.stopped, "allThreadsContinued": true})
	}
	for _, id := range slices.Sorted(maps.Keys(a.threads)) {
		a.out.notice("thread", map[string]any{"reason": "exited", "threadId": id})
	}
	a.stopped = 0
	clear(a.threads)
}

// told takes an event of the debugger's.
func (a *Adapter) told(l *link, m message) {
	var body map[string]any
	if len(m.Body) > 0 && m.Event != "output" {
		_ = json.Unmarshal(m.Body, &body) // of another shape than an object, it is carried as it is
	}
	switch m.Event {
	case "initialized":
		a.ready(l)
	case "terminated", "exited":
		a.gone(l, m.Event, body)
	case "output":
		a.out.raw(m.Body)
	case "capabilities":
		if can, ok := body["capabilities"].(map[string]any); ok {
			a.tellCapabilities(can, false)
		}
	case "breakpoint":
		a.toldBreakpoint(l, body)
	case "stopped":
		a.toldStop(l, body)
	case "continued":
		a.stopped = 0
		a.out.notice(m.Event, given(m.Body))
	case "thread":
		id, _ := body["threadId"].(float64)
		if body["reason"] == "exited" {
			delete(a.threads, int(id))
		} else {
			a.knowThread(int(id))
		}
		a.out.notice(m.Event, given(m.Body))
	default:
		a.out.notice(m.Event, given(m.Body))
	}
}

func (a *Adapter) toldStop(l *link, body map[string]any) {
	if body == nil {
		return
	}
	if hits, ok := body["hitBreakpointIds"].([]any); ok {
		known := []int{}
		for _, hit := range hits {
			if id, ok := hit.(float64); ok && l.ids[int(id)] != 0 {
				known = append(known, l.ids[int(id)])
			}
		}
		body["hitBreakpointIds"] = known
	}
	id, _ := body["threadId"].(float64)
	if a.stopped = max(int(id), 1); id > 0 {
		a.knowThread(int(id))
	}
	a.out.notice("stopped", body)
}

func (a *Adapter) toldBreakpoint(l *link, body map[string]any) {
	now, ok := body["breakpoint"].(map[string]any)
	if !ok {
		return
	}
	reason, _ := body["reason"].(string)
	if told := a.known.told(reason, now, l.ids); told != nil {
		a.out.notice("breakpoint", map[string]any{"reason": reason, "breakpoint": told})
	}
}

// gone takes the debugger's word that the program has ended. The client is not told yet: a reload ends it too.
func (a *Adapter) gone(l *link, how string, body map[string]any) {
	if how == "exited" {
		if code, ok := body["exitCode"].(float64); ok {
			exit := int(code)
			a.service.exit = &exit
		}
		return
	}
	if a.client.ended {
		return
	}
	a.service.over = true
	a.lost(l, "it has told of the program's end")
}
