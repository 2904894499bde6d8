package dap

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// breakpoints are those that the client has set, as it set them, so that they can be set again in the next program. It
// is pure: it knows no connection.
//
// The client keeps its ids over programs. Each debugger numbers its own, so each connection has a table of ids (ids),
// and a breakpoint is the same one where it is at the same place of the same request.
type breakpoints struct {
	sets []*set
	last int // the last id that the client got
	// lasting are data of which the debugger has said that they mean the same in the next program.
	lasting map[string]bool
}

func newBreakpoints() *breakpoints { return &breakpoints{lasting: map[string]bool{}} }

// The requests that set breakpoints.
const (
	setSource      = "setBreakpoints"
	setFunction    = "setFunctionBreakpoints"
	setException   = "setExceptionBreakpoints"
	setData        = "setDataBreakpoints"
	setInstruction = "setInstructionBreakpoints"
)

// setters are these requests, in the order in which they are made again.
func setters() []string {
	return []string{setSource, setFunction, setException, setData, setInstruction}
}

// rememberedLimit limits what is remembered, in bytes.
const rememberedLimit = 16 << 20

// errTooMany says that a client has set more than that.
var errTooMany = errors.New("there are too many breakpoints")

// set is one request: all breakpoints of a source, or all of a kind.
type set struct {
	command   string
	source    string // of setBreakpoints: what names it
	arguments json.RawMessage
	// passing says that it means nothing in the next program: addresses, and sources that only a debugger has.
	passing bool
	// shown are the breakpoints as the client knows them, by their places in the request.
	shown []breakpoint
}

// empty says that the request takes breakpoints away. A debugger that has answered it is not asked again: by then,
// those of its source may be another client's.
func (s *set) empty() bool { return len(s.shown) == 0 }

// breakpoint is a protocol's Breakpoint. Fields that the adapter knows nothing of stay.
type breakpoint map[string]any

func (b breakpoint) id() int {
	id, _ := b["id"].(float64)
	return int(id)
}

// setArguments are the arguments of all these requests, as far as they matter here.
type setArguments struct {
	Source struct {
		Path            string `json:"path"`
		Name            string `json:"name"`
		SourceReference int    `json:"sourceReference"`
	} `json:"source"`
	Breakpoints []struct {
		DataID string `json:"dataId"`
	} `json:"breakpoints"`
	Lines         []int             `json:"lines"` // of clients of the protocol's first years
	Filters       []json.RawMessage `json:"filters"`
	FilterOptions []json.RawMessage `json:"filterOptions"`
}

// remember keeps a request in the place of the one before about the same. Its breakpoints are not verified yet.
func (b *breakpoints) remember(command string, arguments json.RawMessage) (*set, error) {
	var args setArguments
	if err := json.Unmarshal(arguments, &args); err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	s := &set{command: command, arguments: arguments}
	n := max(len(args.Breakpoints), len(args.Lines))
	switch command {
	case setSource:
		if s.source = args.Source.Path; s.source == "" {
			s.source, s.passing = fmt.Sprintf("%d %s", args.Source.SourceReference, args.Source.Name), true
		}
	case setException:
		n = len(args.Filters) + len(args.FilterOptions)
	case setInstruction:
		s.passing = n > 0
	case setData:
		for _, data := range args.Breakpoints {
			s.passing = s.passing || !b.lasting[data.DataID]
		}
	}
	s.shown = make([]breakpoint, n)
	size := len(arguments)
	at := -1
	for i, other := range b.sets {
		if other.command == command && other.source == s.source {
			at = i
		} else {
			size += len(other.arguments)
		}
	}
	switch {
	case size > rememberedLimit:
		return nil, errTooMany
	case at < 0:
		b.sets = append(b.sets, s)
	default:
		b.sets[at] = s
	}
	return s, nil
}

// lasts notes a datum whose breakpoints can be set again in the next program.
func (b *breakpoints) lasts(dataID string) {
	const many = 10_000
	if len(b.lasting) < many {
		b.lasting[dataID] = true
	}
}

// again are the requests to make in another connection, in their order. Those that mean nothing in a program that was
// built again come second: their breakpoints are there no more, or there are none to take away.
func (b *breakpoints) again(rebuilt bool) (make, gone []*set) {
	for _, command := range setters() {
		for _, s := range b.sets {
			switch {
			case s.command != command:
			case rebuilt && (s.passing || s.empty()):
				gone = append(gone, s)
			default:
				make = append(make, s)
			}
		}
	}
	return make, gone
}

// done notes that a debugger has done what a request asks for.
func (b *breakpoints) done(s *set) {
	if s.empty() {
		b.drop([]*set{s})
	}
}

// drop forgets requests.
func (b *breakpoints) drop(gone []*set) {
	b.sets = slices.DeleteFunc(b.sets, func(s *set) bool { return slices.Contains(gone, s) })
}

// clear are requests that take all breakpoints away.
func (b *breakpoints) clear() (all []request) {
	for _, s := range b.sets {
		var arguments map[string]json.RawMessage
		if json.Unmarshal(s.arguments, &arguments) != nil {
			continue
		}
		empty := map[string]any{"breakpoints": []any{}}
		switch s.command {
		case setException:
			empty = map[string]any{"filters": []any{}}
		case setSource:
			empty["source"] = arguments["source"]
		}
		all = append(all, request{Command: s.command, Arguments: empty})
	}
	return all
}

// ids are the client's ids by a debugger's, in one connection.
type ids map[int]int

// idLimit limits the table: its debugger may be anyone.
const idLimit = 100_000

// client is the client's id for a debugger's; one that is new gets the next, or 0 where there are too many.
func (b *breakpoints) client(of ids, debuggers int) int {
	if id, there := of[debuggers]; there || len(of) >= idLimit {
		return id
	}
	b.last++
	of[debuggers] = b.last
	return b.last
}

// wait is the answer to a request while there is no debugger to ask: nothing is verified yet.
func (b *breakpoints) wait(s *set, why string) map[string]any {
	if s.command == setException {
		return nil
	}
	for i := range s.shown {
		b.last++
		s.shown[i] = breakpoint{"id": float64(b.last), "verified": false, "message": why}
	}
	return map[string]any{"breakpoints": nonNil(s.shown)}
}

func nonNil(list []breakpoint) []breakpoint {
	if list == nil {
		return []breakpoint{}
	}
	return list
}

// body is the body of the answers to all these requests.
type body struct {
	Breakpoints []breakpoint `json:"breakpoints"`
}

// answered is a debugger's answer as the client gets it, with its own ids.
func (b *breakpoints) answered(s *set, answer json.RawMessage, of ids) any {
	var list body
	if json.Unmarshal(answer, &list) != nil || list.Breakpoints == nil {
		return given(answer)
	}
	for i, shown := range list.Breakpoints {
		if id := shown.id(); id != 0 {
			shown["id"] = float64(b.client(of, id))
		}
		if i < len(s.shown) {
			s.shown[i] = shown
		}
	}
	return list
}

// setAgain takes a debugger's answer to a request that was made again, and returns the breakpoints that the client has
// to hear of: those that it knows, and that are different now.
func (b *breakpoints) setAgain(s *set, answer json.RawMessage, of ids) (changed []breakpoint) {
	var list body
	if json.Unmarshal(answer, &list) != nil {
		return nil
	}
	for i, now := range list.Breakpoints {
		if i >= len(s.shown) {
			break
		}
		if now == nil {
			now = breakpoint{}
		}
		known := s.shown[i].id()
		if id := now.id(); id != 0 && known != 0 {
			of[id] = known
		}
		if known == 0 {
			continue
		}
		now["id"] = float64(known)
		if !same(s.shown[i], now) {
			changed = append(changed, now)
		}
		s.shown[i] = now
	}
	return changed
}

// unverified takes the verification from all breakpoints of a request, and returns those that the client knows.
func (s *set) unverified(why string) (changed []breakpoint) {
	for i, known := range s.shown {
		if known.id() == 0 {
			continue
		}
		s.shown[i] = breakpoint{"id": known["id"], "verified": false, "message": why}
		changed = append(changed, s.shown[i])
	}
	return changed
}

// same says whether a client would show two breakpoints alike.
func same(a, b breakpoint) bool {
	for _, field := range []string{"verified", "line", "column", "message"} {
		if !reflect.DeepEqual(a[field], b[field]) {
			return false
		}
	}
	return true
}

// told notes what an event of the debugger says of a breakpoint, and returns that as the client gets it; nil where the
// client knows nothing of it.
func (b *breakpoints) told(reason string, now breakpoint, of ids) breakpoint {
	id := now.id()
	known, there := of[id]
	switch {
	case id == 0:
		return now
	case !there && reason == "removed":
		return nil
	case !there:
		known = b.client(of, id)
	}
	now["id"] = float64(known)
	for _, s := range b.sets {
		for i, shown := range s.shown {
			if shown.id() == known {
				s.shown[i] = now
			}
		}
	}
	return now
}
