package ui

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/program"
)

// Text shows commands as the user calls them; JSON, and what programs print, stay as they are.
func TestCommandsAsTheyAreCalled(t *testing.T) {
	t.Parallel()
	const said, shown = "run nhctl dev end", "run kubectl nhctl dev end"
	emit := func(e event.Event) func(*Printer) { return func(p *Printer) { p.Event(e) } }
	notice := emit(event.Event{Type: event.Notice, Message: said})
	log := func(stream string) func(*Printer) {
		return emit(event.Event{Type: event.Log, Log: &event.LogData{Time: noon, Stream: stream, Text: said}})
	}
	result := func(p *Printer) { _ = p.Result(said, func(w io.Writer) { fmt.Fprintln(w, said) }) }
	fail := func(p *Printer) { p.Fail(problem.New(problem.Held, "%s", said).WithHint("%s", said)) }
	for name, tt := range map[string]struct {
		format Format
		print  func(*Printer)
		want   int // how often it is shown as called
		stays  int // and how often not
	}{
		"a notice":            {Text, notice, 1, 0},
		"a problem and hint":  {Text, fail, 2, 0},
		"a result":            {Text, result, 1, 0},
		"word of nhctl":       {Text, log("nhctl"), 1, 0},
		"a program's output":  {Text, log("stdout"), 0, 1},
		"a notice, JSON":      {JSON, notice, 0, 1},
		"a result, JSON":      {JSON, result, 0, 1},
		"a document":          {JSON, func(p *Printer) { _ = p.Document(said) }, 0, 1},
		"a problem as a line": {JSON, fail, 2, 2}, // which is on standard error as text, too
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			p := New(Streams{Out: &out, Err: &out}, tt.format)
			p.Call = program.Plugin
			tt.print(p)
			want, all := strings.Count(out.String(), shown), strings.Count(out.String(), "nhctl dev end")
			if want != tt.want || all != tt.want+tt.stays {
				t.Errorf("%d and %d times: %s", want, all-want, out.String())
			}
		})
	}
	var live bytes.Buffer
	p := &Printer{streams: Streams{Err: &live}, Format: Text, live: true, Call: program.Plugin}
	p.rewrite(said)
	if !strings.HasSuffix(live.String(), shown) {
		t.Errorf("a line that the next one replaces: %q", live.String())
	}
}
