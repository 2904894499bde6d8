package dap

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/escape"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/contract"
)

// output tells the client what commands print, each line once: a line may come with a call, and again with the
// command's kept output. Any goroutine may use it.
type output struct {
	out *outbox

	mu   sync.Mutex
	seen map[string]time.Time // of the last line, by the command
}

func newOutput(out *outbox) *output { return &output{out: out, seen: map[string]time.Time{}} }

// since leaves out the lines of a command up to a time, by the clock of its container.
func (o *output) since(command string, t time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if t.After(o.seen[command]) {
		o.seen[command] = t
	}
}

// line tells a line that is new. The program's own is left as it is; the others say nothing to the program's streams.
func (o *output) line(l event.LogData) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !l.Time.IsZero() {
		if !l.Time.After(o.seen[l.Command]) {
			return
		}
		o.seen[l.Command] = l.Time
	}
	text := strings.TrimSuffix(l.Text, "\n") + "\n"
	switch {
	case l.Stream == nhctlStream && (l.Command == build || strings.HasPrefix(l.Text, contract.RemarkStarted)):
		// The words of these commands are nhctl's own; the launch's steps, or its failure, tell of them.
	case l.Stream == nhctlStream:
		o.out.text(console, "nhctl: "+escape.Text(text))
	case l.Command == build:
		o.out.text(console, text)
	case l.Stream == string(stderr):
		o.out.text(stderr, text)
	default:
		o.out.text(stdout, text)
	}
}

// nhctlStream is the stream of what the supervisor itself remarks in a command's output.
const nhctlStream = "nhctl"

// The commands of a container.
const (
	build = "build"
	run   = "run"
	debug = "debug"
)

// followPause is the pause before a command's output is followed again.
const followPause = 500 * time.Millisecond

// follow tells what a command prints until the adapter ends, over the daemon's replacement too. tail limits the lines
// that were there before; 0 means all.
func (a *Adapter) follow(ctx context.Context, target rpc.Target, command string, tail int) {
	for {
		p := rpc.Logs{Target: target, Command: command, Follow: true, Tail: tail, Debugs: command == debug}
		err := a.Backend.Call(ctx, rpc.MethodLogs, p, nil, func(e event.Event) {
			if e.Log != nil {
				a.output.line(*e.Log)
				a.hearStart(*e.Log)
			}
		})
		if err != nil && problem.From(err).Code == problem.NoSession {
			return
		}
		tail = 0
		select {
		case <-ctx.Done():
			return
		case <-time.After(followPause):
		}
	}
}

// hearStart wakes a search when a line says that the program was started.
func (a *Adapter) hearStart(l event.LogData) {
	if l.Command != debug || l.Stream != nhctlStream || !strings.HasPrefix(l.Text, contract.RemarkStarted) {
		return
	}
	select {
	case a.startedAgain <- struct{}{}:
	default: // it will look anyway
	}
}

// say tells the client something of nhctl's own.
func (a *Adapter) say(c category, text string) {
	a.out.text(c, a.Program.Text(escape.Text(text))+"\n")
}
