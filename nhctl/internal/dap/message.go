package dap

import (
	"encoding/json"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/escape"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// message is any message, as it was read. Arguments and bodies stay as they are: clients and debuggers have fields and
// commands of their own, which are theirs to understand.
type message struct {
	Seq        int             `json:"seq"`
	Type       string          `json:"type"` // request, response, event
	Command    string          `json:"command"`
	Arguments  json.RawMessage `json:"arguments"`
	RequestSeq int             `json:"request_seq"`
	Success    bool            `json:"success"`
	Message    string          `json:"message"`
	Event      string          `json:"event"`
	Body       json.RawMessage `json:"body"`
}

// request, response and notice are messages as they are written.
type request struct {
	Seq       int    `json:"seq"`
	Type      string `json:"type"`
	Command   string `json:"command"`
	Arguments any    `json:"arguments,omitempty"`
}

type response struct {
	Seq        int    `json:"seq"`
	Type       string `json:"type"`
	RequestSeq int    `json:"request_seq"`
	Success    bool   `json:"success"`
	Command    string `json:"command"`
	Message    string `json:"message,omitempty"`
	Body       any    `json:"body,omitempty"`
}

type notice struct {
	Seq   int    `json:"seq"`
	Type  string `json:"type"`
	Event string `json:"event"`
	Body  any    `json:"body,omitempty"`
}

// given is a value that was read as it is, or nil where there is none.
func given(raw json.RawMessage) any {
	if len(raw) == 0 {
		return nil
	}
	return raw
}

// failed is the body of an answer that fails with a problem. Clients show the text; programs find the code, and the
// question and the remedies, in problem.
type failed struct {
	Error   shown          `json:"error"`
	Problem *problem.Error `json:"problem"`
	// Handover is the configuration for an extension of VS Code's that debugs what speaks another protocol.
	Handover any `json:"handover,omitempty"`
}

// shown is the protocol's own description of an error.
type shown struct {
	ID        int               `json:"id"`
	Format    string            `json:"format"`
	Variables map[string]string `json:"variables"`
	ShowUser  bool              `json:"showUser"`
}

// failure is the answer's body for an error, and its text.
func (a *Adapter) failureOf(err error) (failed, string) {
	p := problem.From(err)
	text := a.Program.Text(escape.Text(p.Message))
	if p.Hint != "" {
		text += ": " + a.Program.Text(escape.Text(p.Hint))
	}
	variables := map[string]string{"code": string(p.Code), "message": text}
	for name, v := range map[string]any{"question": p.Question, "remedies": p.Remedies} {
		if data, err := json.Marshal(v); err == nil && string(data) != "null" {
			variables[name] = string(data)
		}
	}
	return failed{
		Error:   shown{ID: 1, Format: format(text), Variables: variables, ShowUser: true},
		Problem: p,
	}, text
}

// format is a text in which a client replaces nothing.
func format(text string) string {
	if strings.ContainsAny(text, "{}") {
		return "{message}"
	}
	return text
}

// filled is a format with its variables.
func filled(format string, variables map[string]string) string {
	for name, value := range variables {
		format = strings.ReplaceAll(format, "{"+name+"}", value)
	}
	return format
}
