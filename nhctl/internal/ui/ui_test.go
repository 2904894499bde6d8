package ui

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// noon is when everything in these tests happens.
var noon = time.Date(2024, 5, 1, 12, 0, 0, 0, time.Local)

func step(state event.StepState, detail string, seconds float64) event.Event {
	return event.Event{
		V:    event.Version,
		Type: event.Step,
		Time: noon,
		Step: &event.StepData{Name: "create twin", State: state, Detail: detail, Seconds: seconds},
	}
}

func TestEventsAsText(t *testing.T) {
	t.Parallel()
	stamp := noon.Format("15:04:05.000")
	for name, tt := range map[string]struct {
		event    event.Event
		out, err string
	}{
		"step begins": {step(event.StepStarted, "", 0), "", ""},
		"step waits":  {step(event.StepWaiting, "for a node", 0), "", ""},
		"step done":   {step(event.StepDone, "", 1.25), "", "  create twin                          1.2 s\n"},
		"step failed": {step(event.StepFailed, "", 1), "", "  create twin                        failed\n"},
		"step undone": {step(event.StepUndone, "", 0), "", "  undone: create twin\n"},
		"sync makes headway": {
			event.Event{Type: event.SyncState, Sync: &event.SyncData{FilesToGo: 3, BytesToGo: 10, Bytes: 20}}, "", "",
		},
		"notice": {event.Event{Type: event.Notice, Message: "port 80 is 8080 here"}, "",
			"note: port 80 is 8080 here\n"},
		"output": {event.Event{Type: event.Log,
			Log: &event.LogData{Time: noon, Stream: "stdout", Text: "listening"}}, stamp + " listening\n", ""},
		"word of nhctl": {event.Event{Type: event.Log,
			Log: &event.LogData{Time: noon, Stream: "nhctl", Text: "exited"}}, stamp + " [exited]\n", ""},
		"a compiler's words": {event.Event{Type: event.Log, Log: &event.LogData{
			Time:    noon,
			Stream:  "stderr",
			Text:    "main.go:3: no",
			Command: "build",
		}}, "main.go:3: no\n", ""},
		"command starts": {event.Event{Type: event.Command, Command: &event.CommandData{Name: "build",
			Argv: []string{"sh", "-c", "go build ."}}}, "", "  build: go build .\n"},
		"link": {event.Event{Type: event.LinkState, Link: &event.LinkData{State: "up"}}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			New(Streams{Out: &out, Err: &errs}, Text).Event(tt.event)
			if diff := cmp.Diff([]string{tt.out, tt.err}, []string{out.String(), errs.String()}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEventsAsJSON(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	p := New(Streams{Out: &out, Err: &errs}, JSON)
	e := step(event.StepDone, "", 1.5)
	e.Time = noon.UTC()
	p.Event(e)
	p.Event(event.Event{V: event.Version, Type: event.Notice, Time: noon.UTC(), Message: "two\nlines"})
	stamp := noon.UTC().Format(time.RFC3339)
	want := `{"v":1,"type":"step","time":"` + stamp +
		`","step":{"name":"create twin","state":"done","seconds":1.5}}` + "\n" +
		`{"v":1,"type":"notice","time":"` + stamp + `","message":"two\nlines"}` + "\n"
	if diff := cmp.Diff([]string{want, ""}, []string{out.String(), errs.String()}); diff != "" {
		t.Error(diff)
	}
}

// withoutTime cuts the time of printing out of a JSON line.
func withoutTime(line string) string {
	before, rest, ok := strings.Cut(line, `"time":"`)
	if !ok {
		return line
	}
	_, after, _ := strings.Cut(rest, `",`)
	return before + after
}

func TestResultAndFail(t *testing.T) {
	t.Parallel()
	held := problem.New(problem.Held, "ada holds it")
	said := "error: ada holds it\n"
	for name, tt := range map[string]struct {
		format   Format
		print    func(*Printer) error
		out, err string
	}{
		"result as text":  {Text, result, "done: 7\n", ""},
		"result as JSON":  {JSON, result, `{"v":1,"type":"result","result":7}` + "\n", ""},
		"problem as text": {Text, fail(held), "", said},
		"problem as JSON": {JSON, fail(held),
			`{"v":1,"type":"error","error":{"code":"held","message":"ada holds it"}}` + "\n", said},
		"hint as text": {Text, fail(held.WithHint("ask her")), "", said + "hint: ask her\n"},
		"hint as JSON": {JSON, fail(held.WithHint("ask her")),
			`{"v":1,"type":"error","error":{"code":"held","message":"ada holds it","hint":"ask her"}}` + "\n",
			said + "hint: ask her\n"},
		"document": {Text, func(p *Printer) error { return p.Document(map[string]int{"a": 1}) }, "{\n  \"a\": 1\n}\n",
			""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			if err := tt.print(New(Streams{Out: &out, Err: &errs}, tt.format)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tt.out, tt.err},
				[]string{withoutTime(out.String()), errs.String()}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func result(p *Printer) error {
	return p.Result(7, func(w io.Writer) { fmt.Fprintln(w, "done: 7") })
}

func fail(err *problem.Error) func(*Printer) error {
	return func(p *Printer) error { p.Fail(err); return nil }
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	begun, three := time.Now().Add(-90*time.Minute), 3
	for _, tt := range []struct{ name, want, got string }{
		{"idle", "in sync (2 files, 1.5 kB)", Sync(event.SyncData{State: "idle", Files: 2, Bytes: 1500})},
		{"syncing", "syncing: 1 files (10 B) to go, 2 (3.0 MB) to come (5 files, 4.0 GB)",
			Sync(event.SyncData{
				State:       "syncing",
				Files:       5,
				Bytes:       4e9,
				FilesToGo:   1,
				BytesToGo:   10,
				FilesToCome: 2,
				BytesToCome: 3e6,
			})},
		{"errors", "disconnected (0 files, 0 B), 1 errors (nhctl dev sync status)",
			Sync(event.SyncData{State: "disconnected", Errors: map[string]string{"a": "no"}})},
		{"nothing ran", "not started (nhctl dev run)", Command(event.CommandData{State: "none"})},
		{"runs", "running for 1h as process 12: go run .",
			Command(event.CommandData{State: "running", Started: &begun, PID: 12, Argv: []string{"go", "run", "."}})},
		{"runs since no one knows when", "running as process 12: go run .",
			Command(event.CommandData{State: "running", PID: 12, Argv: []string{"go", "run", "."}})},
		{"hot reload", "running as process 12: go run ., hot reload 2",
			Command(event.CommandData{State: "running", PID: 12, Argv: []string{"go", "run", "."}, Reloads: 2})},
		{"exited", "exited with code 3", Command(event.CommandData{State: "exited", ExitCode: &three})},
		{"killed", "ended by signal: killed (out of memory)",
			Command(event.CommandData{State: "exited", Signal: "killed", OOMKilled: true})},
		{"never", "-", Age(time.Time{})},
		{"clocks differ", "0s", Age(time.Now().Add(time.Hour))},
		{"days", "3d", Age(time.Now().Add(-73 * time.Hour))},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := Table(&out, []string{"NAME", "MODE"}, []string{"catalog", "replace"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("NAME     MODE\ncatalog  replace\n", out.String()); diff != "" {
		t.Error(diff)
	}
}
