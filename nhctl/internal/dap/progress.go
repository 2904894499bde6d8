package dap

import (
	"fmt"
	"strconv"
	"sync"

	"github.com/nhctl/nhctl/nhctl/internal/escape"
	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// progress tells the client of the steps of one piece of work, such as a launch: as the protocol's own progress where
// the client shows that, else as text. Any goroutine may use it.
type progress struct {
	a  *Adapter
	id string // empty where the client shows no progress

	mu   sync.Mutex
	over bool
}

// begin tells that work has begun. request is the client's, which it can cancel.
func (a *Adapter) begin(title string, request int) *progress {
	p := &progress{a: a}
	if a.client.progress {
		p.id = progressID(request)
		a.out.notice("progressStart", map[string]any{
			"progressId":  p.id,
			"title":       title,
			"requestId":   request,
			"cancellable": true,
		})
	}
	return p
}

func progressID(request int) string { return "nhctl " + strconv.Itoa(request) }

// hear tells the events of a call.
func (p *progress) hear(e event.Event) {
	switch {
	case e.Log != nil:
		p.a.output.line(*e.Log)
	case e.Type == event.Notice:
		p.a.say(console, "nhctl: "+e.Message)
	case e.Step != nil:
		p.step(*e.Step)
	case e.Command != nil && e.Command.State == "running":
		p.message("started " + e.Command.Name)
	}
}

func (p *progress) step(s event.StepData) {
	text := s.Name
	if s.Detail != "" {
		text += ": " + s.Detail
	}
	switch s.State {
	case event.StepFailed:
		text = "failed: " + text
	case event.StepUndone:
		text = "undone: " + text
	case event.StepDone:
		if p.id == "" {
			text = fmt.Sprintf("done: %s (%.1f s)", text, s.Seconds)
		}
	}
	p.message(text)
}

func (p *progress) message(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.over:
	case p.id == "":
		p.a.say(console, "nhctl: "+text)
	default:
		p.a.out.notice("progressUpdate",
			map[string]any{"progressId": p.id, "message": p.a.Program.Text(escape.Line(text))})
	}
}

func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over && p.id != "" {
		p.a.out.notice("progressEnd", map[string]any{"progressId": p.id})
	}
	p.over = true
}
