package daptest

import "encoding/json"

// Breakpoint is one of a line. The program stops there where the condition holds; without one, always.
type Breakpoint struct {
	Line      int    `json:"line"`
	Condition string `json:"condition,omitempty"`
}

// Initialize begins the conversation.
func (c *Client) Initialize() {
	c.t.Helper()
	c.Ask("initialize", map[string]any{
		"adapterID":       "nhctl",
		"clientID":        "nhctl-test",
		"pathFormat":      "path",
		"linesStartAt1":   true,
		"columnsStartAt1": true,
	})
}

// Begin launches or attaches, by command, sets breakpoints in a file, and lets the program go.
func (c *Client) Begin(command string, arguments any, file string, list ...Breakpoint) {
	c.t.Helper()
	c.Initialize()
	begun := c.Send(command, arguments)
	c.Event("initialized")
	c.Break(file, list...)
	c.Ask("configurationDone", "")
	c.Answer(begun)
}

// Break sets the breakpoints of a file, and returns the answer.
func (c *Client) Break(file string, list ...Breakpoint) Message {
	c.t.Helper()
	if list == nil {
		list = []Breakpoint{}
	}
	return c.Ask("setBreakpoints", map[string]any{"source": map[string]any{"path": file}, "breakpoints": list})
}

// Stop is a place where the program stands.
type Stop struct {
	Thread int
	// Frame, Function, File and Line are those of the top of its stack.
	Frame    int
	Function string
	File     string
	Line     int
}

// Stopped waits until the program stands at a breakpoint. Some debuggers also tell of a pause when a client comes.
func (c *Client) Stopped() Stop {
	c.t.Helper()
	var stop struct {
		Reason   string `json:"reason"`
		ThreadID int    `json:"threadId"`
	}
	c.Await("stop at a breakpoint", func(m Message) bool {
		return m.Event == "stopped" && json.Unmarshal(m.Body, &stop) == nil && stop.Reason == "breakpoint"
	})
	var trace struct {
		StackFrames []struct {
			ID     int    `json:"id"`
			Name   string `json:"name"`
			Line   int    `json:"line"`
			Source struct {
				Path string `json:"path"`
			} `json:"source"`
		} `json:"stackFrames"`
	}
	c.decode(c.Ask("stackTrace", map[string]any{"threadId": stop.ThreadID, "levels": 1}).Body, &trace)
	if len(trace.StackFrames) == 0 {
		c.t.Fatalf("a stop without a stack: %+v", stop)
	}
	top := trace.StackFrames[0]
	return Stop{
		Thread:   stop.ThreadID,
		Frame:    top.ID,
		Function: top.Name,
		File:     top.Source.Path,
		Line:     top.Line,
	}
}

// Value evaluates an expression where the program stands.
func (c *Client) Value(at Stop, expression string) string {
	c.t.Helper()
	var value struct {
		Result string `json:"result"`
	}
	c.decode(c.Ask("evaluate", map[string]any{
		"expression": expression,
		"frameId":    at.Frame,
		"context":    "watch",
	}).Body, &value)
	return value.Result
}

// Continue lets a program go on that stands.
func (c *Client) Continue(at Stop) {
	c.t.Helper()
	c.Ask("continue", map[string]any{"threadId": at.Thread})
}

func (c *Client) decode(data json.RawMessage, into any) {
	c.t.Helper()
	if err := json.Unmarshal(data, into); err != nil {
		c.t.Fatalf("%s: %v", data, err)
	}
}
