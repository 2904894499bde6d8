package supervise

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nhctl/nhctl/sidecar/resume"
)

// visitor is a caller of consoles.
type visitor struct {
	t      *testing.T
	client *Client
	end    *resume.End
	ask    Attach
	cut    func()
	got    bytes.Buffer
}

func visit(t *testing.T, c *Client, a Attach) *visitor {
	t.Helper()
	a.Caller = rand.Text()
	v := &visitor{t: t, client: c, end: resume.New(resume.Options{Window: ConsoleWindow}), ask: a}
	v.connect()
	return v
}

func (v *visitor) connect() {
	v.t.Helper()
	v.ask.Received = v.end.Position().Received
	conn, attached, err := v.client.Attach(v.t.Context(), v.ask)
	if err != nil {
		v.t.Fatal(err)
	}
	v.ask.ID, v.ask.Newest, v.ask.Resume = attached.ID, false, true
	turn, err := v.end.Join(attached.Position)
	if err != nil {
		v.t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = v.end.Serve(context.Background(), turn, conn)
	}()
	v.cut = func() { conn.Close(); <-served }
	v.t.Cleanup(v.cut)
}

func (v *visitor) say(kind byte, text string) {
	v.t.Helper()
	if err := v.end.Send(v.t.Context(), resume.Message{Kind: kind, Data: []byte(text)}); err != nil {
		v.t.Fatal(err)
	}
}

// until reads output until it holds a text.
func (v *visitor) until(text string) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.t.Context(), limit)
	defer cancel()
	for !strings.Contains(v.got.String(), text) {
		m, err := v.end.Receive(ctx)
		if err != nil || m.Kind == KindExit {
			v.t.Fatalf("want %q: %v %s after %q", text, err, m.Data, v.got.String())
		}
		v.got.Write(m.Data)
	}
}

// exit reads output until the program's end, and returns its code.
func (v *visitor) exit() int {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.t.Context(), limit)
	defer cancel()
	for {
		m, err := v.end.Receive(ctx)
		if err != nil {
			v.t.Fatalf("%v after %q", err, v.got.String())
		}
		if m.Kind == KindExit {
			var e Exit
			if err := json.Unmarshal(m.Data, &e); err != nil {
				v.t.Fatal(err)
			}
			v.end.Over()
			return e.Code
		}
		v.got.Write(m.Data)
	}
}

// A command has its caller's input, and its output and end are the caller's; signals reach it even while it reads
// nothing.
func TestCommandOfACaller(t *testing.T) {
	c := serve(t, DefaultGrace)
	v := visit(t, c, Attach{Argv: []string{"sh", "-c", "cat; echo to stderr >&2; exit 7"}})
	v.say(KindInput, "typed\n")
	v.say(KindEOF, "")
	if code := v.exit(); code != 7 || !strings.Contains(v.got.String(), "typed\n") ||
		!strings.Contains(v.got.String(), "to stderr\n") {
		t.Errorf("code %d, output %q", code, v.got.String())
	}
	v = visit(t, c, Attach{Argv: []string{"sh", "-c", "trap 'exit 5' INT; echo ready; while :; do sleep 0.05; done"}})
	v.until("ready")
	for range 5 {
		v.say(KindInput, strings.Repeat("x", 32<<10)) // more than a pipe holds
	}
	v.say(KindSignal, "INT")
	if code := v.exit(); code != 5 {
		t.Errorf("interrupted: code %d", code)
	}
	v = visit(t, c, Attach{Argv: []string{"sleep", "60"}})
	v.say(KindSignal, "TERM")
	if code := v.exit(); code != 128+int(syscall.SIGTERM) {
		t.Errorf("terminated: code %d", code)
	}
	_, _, err := c.Attach(t.Context(), Attach{Argv: []string{"no-such-program"}})
	if refusal := Refusal(""); !errors.As(err, &refusal) || !strings.Contains(err.Error(), "no-such-program") {
		t.Errorf("a program that is missing: %v", err)
	}
}

// Output is complete, in its order, however often the connection breaks; and whatever a program left in its pipes
// comes, too.
func TestBrokenConnections(t *testing.T) {
	c := serve(t, DefaultGrace)
	v := visit(t, c, Attach{Argv: []string{"seq", "300000"}})
	var want bytes.Buffer
	for i := range 300000 {
		fmt.Fprintln(&want, i+1)
	}
	for _, mark := range []string{"\n50\n", "\n70000\n", "\n170000\n"} {
		v.until(mark)
		v.cut()
		v.connect()
	}
	if code := v.exit(); code != 0 || !bytes.Equal(v.got.Bytes(), want.Bytes()) {
		t.Errorf("code %d, %d bytes, want %d", code, v.got.Len(), want.Len())
	}
}

// A terminal's shell has a size, outlives its callers, repeats its last output for the next, and is one caller's at a
// time.
func TestTerminal(t *testing.T) {
	c := serve(t, DefaultGrace)
	first := visit(t, c, Attach{
		Shell: "bash",
		Keep:  true,
		Size:  &Size{Columns: 90, Rows: 30},
		Env:   map[string]string{"PS1": "$ ", "TERM": "dumb"},
	})
	first.say(KindInput, "stty size; test -t 0 && test -t 1 && echo on a term''inal\n")
	first.until("30 90")
	first.until("on a terminal")
	first.say(KindSize, `{"columns":100,"rows":40}`)
	first.say(KindInput, "stty size\n")
	first.until("40 100")
	first.cut()
	first.connect()
	first.say(KindInput, "trap 'stty size; echo redrawn' WINCH; echo trap''ped\n")
	first.until("trapped")

	second := visit(t, c, Attach{Newest: true, Keep: true, Size: &Size{Columns: 100, Rows: 40}})
	second.until("on a terminal") // what was printed before
	second.say(KindInput, "\n")
	second.until("redrawn")
	_, _, err := c.Attach(t.Context(), first.ask)
	if !errors.Is(err, ErrTaken) {
		t.Errorf("the first one comes back: %v", err)
	}
	second.say(KindInput, "exit 3\n")
	if code := second.exit(); code != 3 {
		t.Errorf("code %d", code)
	}
	eventually(t, func() error {
		if _, _, err := c.Attach(t.Context(), Attach{Newest: true}); !errors.Is(err, ErrNoConsole) {
			return fmt.Errorf("a shell that has ended: %v", err)
		}
		return nil
	})
}

// Who is hung up ends, with all that it started.
func TestHangUp(t *testing.T) {
	c := serve(t, 100*time.Millisecond)
	v := visit(t, c, Attach{Argv: []string{"sh", "-c", "trap '' HUP; echo $$; sleep 1234567"}})
	v.until("\n")
	var pid int
	if _, err := fmt.Sscan(v.got.String(), &pid); err != nil {
		t.Fatal(err)
	}
	if err := c.HangUp(t.Context(), v.ask.ID); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if left := session(pid); len(left) > 0 {
			return fmt.Errorf("%v live on", left)
		}
		return nil
	})
	if err := c.HangUp(t.Context(), v.ask.ID); err != nil {
		t.Errorf("once more: %v", err)
	}
}

// A program that reads, and does not mind the signal, gets to the end of its input: in a pipe as in a terminal.
func TestHangUpEndsInput(t *testing.T) {
	for name, size := range map[string]*Size{"pipe": nil, "terminal": {Columns: 80, Rows: 24}} {
		t.Run(name, func(t *testing.T) {
			c := serve(t, time.Minute)
			file := filepath.Join(t.TempDir(), "ended")
			script := "trap '' HUP; echo reading; cat > /dev/null; echo > " + file
			v := visit(t, c, Attach{Argv: []string{"sh", "-c", script}, Size: size})
			v.until("reading")
			go func() { _ = c.HangUp(t.Context(), v.ask.ID) }() // returns once the program has ended
			eventually(t, func() error {
				_, err := os.Stat(file)
				return err
			})
		})
	}
}

// A program can trap a signal that the supervisor itself was started to ignore.
func TestIgnoredSignals(t *testing.T) {
	signal.Ignore(syscall.SIGHUP)
	defer signal.Reset(syscall.SIGHUP)
	c := serve(t, time.Minute)
	file := filepath.Join(t.TempDir(), "trapped")
	script := "trap 'echo > " + file + "; exit' HUP; echo ready; while :; do sleep 0.1; done"
	v := visit(t, c, Attach{Argv: []string{"sh", "-c", script}})
	v.until("ready")
	go func() { _ = c.HangUp(t.Context(), v.ask.ID) }() // returns once the program has ended
	eventually(t, func() error {
		_, err := os.Stat(file)
		return err
	})
}
