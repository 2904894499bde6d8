package ui

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/escape"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// What others name and say never steers the terminal, whichever way it leaves.
func TestEscapesOfOthers(t *testing.T) {
	t.Parallel()
	const evil, shown = "\x1b]52;c;ZXZpbA==\aeve\u009b2J\u202e", `\x1b]52;c;ZXZpbA==\x07eve\u009b2J\u202e`
	notice := event.Event{Type: event.Notice, Message: evil}
	for name, tt := range map[string]struct {
		format Format
		print  func(*Printer, io.Writer) error
	}{
		"a notice":       {Text, func(p *Printer, _ io.Writer) error { p.Event(notice); return nil }},
		"a notice, JSON": {JSON, func(p *Printer, _ io.Writer) error { p.Event(notice); return nil }},
		"a step": {Text, func(p *Printer, _ io.Writer) error {
			p.Event(event.Event{Step: &event.StepData{Name: evil, State: event.StepDone}})
			return nil
		}},
		"a command": {Text, func(p *Printer, _ io.Writer) error {
			p.Event(event.Event{Type: event.Command, Command: &event.CommandData{Name: "run", Argv: []string{evil}}})
			return nil
		}},
		"word of nhctl": {Text, func(p *Printer, _ io.Writer) error {
			p.Event(event.Event{Log: &event.LogData{Stream: "nhctl", Text: evil}})
			return nil
		}},
		"an error": {Text,
			func(p *Printer, _ io.Writer) error { p.Fail(problem.New(problem.Held, "%s", evil)); return nil }},
		"an error, JSON": {JSON,
			func(p *Printer, _ io.Writer) error { p.Fail(problem.New(problem.Held, "%s", evil)); return nil }},
		"a hint": {Text, func(p *Printer, _ io.Writer) error {
			p.Fail(problem.New(problem.Held, "no").WithHint("%s", evil))
			return nil
		}},
		"a table": {Text, func(_ *Printer, w io.Writer) error { return Table(w, []string{"s1", evil}) }},
		"a document": {JSON,
			func(p *Printer, _ io.Writer) error { return p.Document(map[string]string{evil: evil}) }},
		"a result": {Text,
			func(p *Printer, _ io.Writer) error { return p.Result(1, func(w io.Writer) { fmt.Fprintln(w, evil) }) }},
		"a result, JSON": {JSON, func(p *Printer, _ io.Writer) error { return p.Result(evil, nil) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if err := tt.print(New(Streams{Out: &out, Err: &out}, tt.format), &out); err != nil {
				t.Fatal(err)
			}
			if escape.Text(out.String()) != out.String() {
				t.Errorf("it reaches the terminal: %q", out.String())
			}
			if tt.format == Text && !strings.Contains(out.String(), shown) {
				t.Errorf("it can't be seen: %s", out.String())
			}
		})
	}
}

// Numbers that can't be don't end the program.
func TestBar(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		data event.SyncData
		want string
	}{
		"half":                {event.SyncData{Bytes: 20, BytesToGo: 10}, "[==========          ]"},
		"nothing to go":       {event.SyncData{}, "[====================]"},
		"more to go than is":  {event.SyncData{Bytes: 1, BytesToGo: 1 << 62}, "[                    ]"},
		"less than nothing":   {event.SyncData{Bytes: 1, BytesToGo: -1 << 62}, "[====================]"},
		"as much as can be":   {event.SyncData{Bytes: 1<<63 - 1, BytesToGo: 0}, "[====================]"},
		"negative altogether": {event.SyncData{Bytes: -5, BytesToGo: 7}, "[====================]"},
	} {
		if got := bar(&tt.data); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// A program's own output is the user's to ask for.
func TestProgramsOutputStays(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	New(Streams{Out: &out, Err: &out},
		Text).Event(event.Event{Log: &event.LogData{Time: noon, Stream: "stdout", Text: "\x1b[32mok"}})
	if !strings.HasSuffix(out.String(), "\x1b[32mok\n") {
		t.Errorf("%q", out.String())
	}
}
