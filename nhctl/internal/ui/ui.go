// Package ui prints: results on standard output, progress and diagnosis on standard error, as text or as JSON lines. It
// knows the events and problems of the program, and nothing of where they come from.
package ui

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"github.com/nhctl/nhctl/nhctl/internal/escape"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/program"
)

// Format is how results are printed.
type Format string

// The formats.
const (
	Text Format = "text"
	JSON Format = "json"
)

// Streams are a program's standard streams.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// IsTerminal says whether a stream is a terminal.
func IsTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Printer prints one command's output.
type Printer struct {
	streams Streams
	Format  Format
	// Call is how the user calls nhctl: as text, commands are shown so.
	Call program.Call
	live bool // standard error is a terminal: the last line may be overwritten

	mu   sync.Mutex
	open bool // a live line stands without its end
	// steps are the running steps' begins, for their times.
	step string
}

// New returns a printer.
func New(s Streams, f Format) *Printer {
	return &Printer{streams: s, Format: f, live: IsTerminal(s.Err)}
}

// Document prints one JSON document, of a query.
func (p *Printer) Document(v any) error {
	data, err := escape.JSON(v, "  ")
	if err == nil {
		_, err = p.streams.Out.Write(data)
	}
	return err
}

// Result prints the result of long work: as its last JSON line, or by text.
func (p *Printer) Result(v any, text func(io.Writer)) error {
	p.endLine()
	if p.Format == JSON {
		return p.line(event.Event{V: event.Version, Type: event.Result, Time: time.Now(), Result: v})
	}
	text(p.Call.Writer(escape.Writer(p.streams.Out)))
	return nil
}

func (p *Printer) line(e event.Event) error {
	data, err := escape.JSON(e, "")
	if err == nil {
		_, err = p.streams.Out.Write(data)
	}
	return err
}

// Event prints progress.
func (p *Printer) Event(e event.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.Format == JSON {
		_ = p.line(e)
		return
	}
	switch {
	case e.Step != nil:
		p.printStep(e.Step)
	case e.Sync != nil:
		p.printSync(e.Sync)
	case e.Log != nil:
		p.printLog(e.Log)
	case e.Type == event.Command && e.Command != nil:
		p.say("  " + e.Command.Name + ": " + CommandLine(e.Command.Argv))
	case e.Type == event.Notice:
		p.say("note: " + e.Message)
	}
}

func (p *Printer) printStep(s *event.StepData) {
	switch s.State {
	case event.StepStarted:
		p.step = s.Name
		p.rewrite("  " + s.Name + " ...")
	case event.StepWaiting:
		if p.live {
			p.rewrite("  " + s.Name + " ... waiting " + s.Detail)
		}
	case event.StepDone:
		p.say(fmt.Sprintf("  %-34s %5.1f s", s.Name, s.Seconds))
	case event.StepFailed:
		p.say(fmt.Sprintf("  %-34s failed", s.Name))
	case event.StepUndone:
		p.say("  undone: " + s.Name)
	}
}

func (p *Printer) printSync(s *event.SyncData) {
	if s.FilesToGo+s.FilesToCome == 0 {
		return
	}
	text := fmt.Sprintf("  %s ... %s %d files, %s to go", p.step, bar(s), s.FilesToGo, Bytes(s.BytesToGo))
	if s.Rate > 0 {
		text += fmt.Sprintf(", %s/s, %.0f s left", Bytes(int64(s.Rate)), s.Remaining)
	}
	p.rewrite(text)
}

// bar shows which part of the bytes has arrived.
func bar(s *event.SyncData) string {
	const width = 20
	done := width
	if s.Bytes > 0 {
		part := float64(s.Bytes-s.BytesToGo) / float64(s.Bytes)
		done = int(width * min(1, max(0, part)))
	}
	return "[" + strings.Repeat("=", done) + strings.Repeat(" ", width-done) + "]"
}

func (p *Printer) printLog(l *event.LogData) {
	p.closeLine()
	if l.Command == "build" && l.Stream != "nhctl" { // as editors read a compiler's words
		fmt.Fprintln(p.streams.Out, l.Text)
		return
	}
	text := l.Text
	if l.Stream == "nhctl" {
		text = "[" + p.Call.Text(escape.Line(text)) + "]"
	}
	fmt.Fprintf(p.streams.Out, "%s %s\n", l.Time.Local().Format("15:04:05.000"), text)
}

// rewrite shows a line that the next one replaces; without a terminal it is not shown.
func (p *Printer) rewrite(text string) {
	if !p.live {
		return
	}
	fmt.Fprintf(p.streams.Err, "\r\x1b[K%s", p.Call.Text(escape.Line(text)))
	p.open = true
}

// say prints a line of progress.
func (p *Printer) say(text string) {
	if p.open {
		fmt.Fprint(p.streams.Err, "\r\x1b[K")
		p.open = false
	}
	fmt.Fprintln(p.streams.Err, p.Call.Text(escape.Text(text)))
}

func (p *Printer) closeLine() {
	if p.open {
		fmt.Fprint(p.streams.Err, "\r\x1b[K")
		p.open = false
	}
}

func (p *Printer) endLine() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closeLine()
}

// Fail prints a problem: on standard error, and as the last JSON line on standard output.
func (p *Printer) Fail(err *problem.Error) {
	p.endLine()
	if p.Format == JSON {
		_ = p.line(event.Event{
			V:    event.Version,
			Type: event.Error,
			Time: time.Now(),
			Error: &event.ErrorData{
				Code:     string(err.Code),
				Message:  err.Message,
				Hint:     err.Hint,
				Question: err.Question,
				Remedies: err.Remedies,
			},
		})
	}
	fmt.Fprintf(p.streams.Err, "error: %s\n", p.Call.Text(escape.Text(err.Message)))
	if err.Hint != "" {
		fmt.Fprintf(p.streams.Err, "hint: %s\n", p.Call.Text(escape.Text(err.Hint)))
	}
}

// Table prints rows in columns.
func Table(w io.Writer, rows ...[]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		cells := make([]string, len(r))
		for i, cell := range r {
			cells[i] = escape.Line(cell)
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	return t.Flush()
}

// Bytes says a number of bytes for people.
func Bytes(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d B", n)
}

// Age says how long ago something was.
func Age(t time.Time) string {
	d := time.Since(t)
	switch {
	case t.IsZero():
		return "-"
	case d < time.Minute:
		return fmt.Sprintf("%ds", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}
