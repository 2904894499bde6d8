package ui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

func TestClean(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, lines, line string }{
		"plain":                {"web is up", "web is up", "web is up"},
		"other scripts":        {"Привет, 世界 👩‍💻 é", "Привет, 世界 👩‍💻 é", "Привет, 世界 👩‍💻 é"},
		"a backslash":          {`C:\x1b`, `C:\x1b`, `C:\x1b`},
		"lines and tabs":       {"a\n\tb", "a\n\tb", `a\n\tb`},
		"a colour":             {"\x1b[31mred", `\x1b[31mred`, `\x1b[31mred`},
		"the clipboard":        {"\x1b]52;c;ZXZpbA==\a", `\x1b]52;c;ZXZpbA==\x07`, `\x1b]52;c;ZXZpbA==\x07`},
		"a line written over":  {"bad\rgood\b", `bad\x0dgood\x08`, `bad\x0dgood\x08`},
		"nothing, delete":      {"\x00\x7f", `\x00\x7f`, `\x00\x7f`},
		"C1":                   {"\u009b2J", `\u009b2J`, `\u009b2J`},
		"C1 as a byte":         {"\x9b2J", `\x9b2J`, `\x9b2J`},
		"no UTF-8":             {"a\xffb", `a\xffb`, `a\xffb`},
		"the character for it": {"a\ufffdb", "a\ufffdb", "a\ufffdb"},
		"directions":           {"exe.\u202egpj\u2069", `exe.\u202egpj\u2069`, `exe.\u202egpj\u2069`},
		"ends of lines":        {"a\u2028b\u0085c", `a\u2028b\u0085c`, `a\u2028b\u0085c`},
		"nothing at all":       {"", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff([]string{tt.lines, tt.line}, []string{Clean(tt.text), Line(tt.text)}); diff != "" {
				t.Error(diff)
			}
			if again := Clean(Clean(tt.text)); again != tt.lines {
				t.Errorf("cleaned twice: %q", again)
			}
		})
	}
}

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
		"an error":       {Text, func(p *Printer, _ io.Writer) error { p.Fail(problem.New(problem.Held, "%s", evil)); return nil }},
		"an error, JSON": {JSON, func(p *Printer, _ io.Writer) error { p.Fail(problem.New(problem.Held, "%s", evil)); return nil }},
		"a hint": {Text, func(p *Printer, _ io.Writer) error {
			p.Fail(problem.New(problem.Held, "no").WithHint("%s", evil))
			return nil
		}},
		"a table":         {Text, func(_ *Printer, w io.Writer) error { return Table(w, []string{"s1", evil}) }},
		"a document":      {JSON, func(p *Printer, _ io.Writer) error { return p.Document(map[string]string{evil: evil}) }},
		"a result":        {Text, func(p *Printer, _ io.Writer) error { return p.Result(1, func(w io.Writer) { fmt.Fprintln(w, evil) }) }},
		"a result, JSON":  {JSON, func(p *Printer, _ io.Writer) error { return p.Result(evil, nil) }},
		"a cleaned write": {Text, func(_ *Printer, w io.Writer) error { _, err := CleanWriter(w).Write([]byte(evil)); return err }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if err := tt.print(New(Streams{Out: &out, Err: &out}, tt.format), &out); err != nil {
				t.Fatal(err)
			}
			if strings.ContainsFunc(out.String(), func(r rune) bool { return obeyed(r) && r != '\n' }) {
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
	New(Streams{Out: &out, Err: &out}, Text).Event(event.Event{Log: &event.LogData{Time: noon, Stream: "stdout", Text: "\x1b[32mok"}})
	if !strings.HasSuffix(out.String(), "\x1b[32mok\n") {
		t.Errorf("%q", out.String())
	}
}

func TestEncodeJSON(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"plain":      {"a\tb", `"a\tb"`},
		"C0":         {"\x1b", `"\u001b"`},
		"delete, C1": {"\x7f\u009b", `"\u007f\u009b"`},
		"directions": {"\u202e", `"\u202e"`},
		"no UTF-8":   {"\xff", `"\ufffd"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := EncodeJSON(tt.text, "")
			if diff := cmp.Diff(tt.want+"\n", string(got)); diff != "" || err != nil {
				t.Error(diff, err)
			}
			var back string
			if err := json.Unmarshal(got, &back); err != nil || utf8.ValidString(tt.text) && back != tt.text {
				t.Errorf("%q, %v", back, err)
			}
		})
	}
}

func FuzzClean(f *testing.F) {
	f.Add("\x1b[2J\u009b\xff\n\t\u202e")
	f.Fuzz(func(t *testing.T, text string) {
		line := Line(text)
		if !utf8.ValidString(line) || strings.ContainsFunc(line, obeyed) || Line(line) != line || Clean(line) != line {
			t.Errorf("%q", line)
		}
	})
}
