package dispatch

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// caller is a client that sees each line.
type caller struct {
	t    *testing.T
	conn net.Conn
	from *bufio.Reader
}

// connect serves one connection until the test ends.
func connect(t *testing.T, s *Server) *caller {
	t.Helper()
	s.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	here, there := net.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan struct{})
	go func() { defer close(served); s.Serve(ctx, there) }()
	t.Cleanup(func() { here.Close(); cancel(); <-served })
	return &caller{t: t, conn: here, from: bufio.NewReader(here)}
}

func (c *caller) say(line string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, line+"\n"); err != nil {
		c.t.Fatal(err)
	}
}

// line is what the daemon says next.
type line struct {
	ID     json.RawMessage
	Method string
	Params rpc.Event
	Result json.RawMessage
	Error  *struct{ Data problem.Error }
}

func (c *caller) hear() line {
	c.t.Helper()
	text, err := c.from.ReadBytes('\n')
	if err != nil {
		c.t.Fatal(err)
	}
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		c.t.Fatalf("%s: %v", text, err)
	}
	return l
}

// A call that panics fails; the connection and its other calls go on.
func TestPanicIsTheCalls(t *testing.T) {
	t.Parallel()
	s := &Server{Methods: Methods{
		"bad":  Call(func(context.Context, struct{}) (string, error) { panic("no such luck") }),
		"good": Call(func(context.Context, struct{}) (string, error) { return "fine", nil }),
	}}
	c := connect(t, s)
	c.say(`{"jsonrpc":"2.0","id":1,"method":"bad"}`)
	if l := c.hear(); l.Error == nil || l.Error.Data.Code != problem.Internal ||
		!strings.Contains(l.Error.Data.Message, "no such luck") {
		t.Errorf("%+v", l)
	}
	c.say(`{"jsonrpc":"2.0","id":2,"method":"good"}`)
	if l := c.hear(); string(l.Result) != `"fine"` {
		t.Errorf("%+v", l)
	}
	if n := s.Working(); n != 0 {
		t.Errorf("%d calls are at work", n)
	}
}

// A console whose opening panics fails, too.
func TestPanicIsTheConsoles(t *testing.T) {
	t.Parallel()
	open := func(context.Context, json.RawMessage) (*Console, error) { panic("no such luck") }
	c := connect(t, &Server{Consoles: Consoles{"attach": open}})
	c.say(`{"jsonrpc":"2.0","id":1,"method":"attach"}`)
	if l := c.hear(); l.Error == nil || l.Error.Data.Code != problem.Internal {
		t.Errorf("%+v", l)
	}
}

// Cancelling a call leaves the others alone, and is answered once the call is undone. Events name their call.
func TestCancelOne(t *testing.T) {
	t.Parallel()
	undone := make(chan string, 2)
	goOn := make(chan struct{})
	s := &Server{Methods: Methods{"work": Call(func(ctx context.Context, p struct{ Name string }) (string, error) {
		event.Sink(ctx)(event.Event{Type: event.Notice, Message: p.Name})
		select {
		case <-ctx.Done():
			undone <- p.Name
			return "", ctx.Err()
		case <-goOn:
			return "done", nil
		}
	})}}
	c := connect(t, s)
	for id, name := range map[string]string{`"a"`: "first", `7`: "second"} {
		c.say(`{"jsonrpc":"2.0","id":` + id + `,"method":"work","params":{"name":"` + name + `"}}`)
		if l := c.hear(); l.Method != rpc.MethodEvent || l.Params.Call != id || l.Params.Message != name {
			t.Errorf("event: %+v", l)
		}
	}
	if n := s.Working(); n != 2 {
		t.Errorf("%d calls are at work", n)
	}
	c.say(`{"jsonrpc":"2.0","id":9,"method":"cancel","params":{"id":"\"a\""}}`)
	heard := map[string]line{}
	for range 2 {
		l := c.hear()
		heard[string(l.ID)] = l
	}
	if l := heard[`"a"`]; l.Error == nil || l.Error.Data.Code != problem.Interrupted {
		t.Errorf("the cancelled call: %+v", l)
	}
	if l := heard["9"]; l.Error != nil {
		t.Errorf("the cancelling call: %+v", l)
	}
	select {
	case name := <-undone:
		if name != "first" {
			t.Errorf("%s was cancelled", name)
		}
	default:
		t.Error("it was answered before the call was undone")
	}
	close(goOn)
	if l := c.hear(); string(l.ID) != "7" || string(l.Result) != `"done"` {
		t.Errorf("the other call: %+v", l)
	}
}

// A client of before there were ids cancels all its calls by a notification.
func TestCancelAll(t *testing.T) {
	t.Parallel()
	s := &Server{Methods: Methods{"work": Call(func(ctx context.Context, _ struct{}) (string, error) {
		event.Sink(ctx)(event.Event{Type: event.Notice})
		<-ctx.Done()
		return "", errors.Join(ctx.Err())
	})}}
	c := connect(t, s)
	c.say(`{"jsonrpc":"2.0","id":1,"method":"work"}`)
	c.hear()
	c.say(`{"jsonrpc":"2.0","method":"cancel"}`)
	if l := c.hear(); string(l.ID) != "1" || l.Error == nil || l.Error.Data.Code != problem.Interrupted {
		t.Errorf("%+v", l)
	}
}

// Parameters that can't be read are the caller's fault.
func TestBadParameters(t *testing.T) {
	t.Parallel()
	work := func(context.Context, struct{ N int }) (int, error) { return 0, nil }
	c := connect(t, &Server{Methods: Methods{"work": Call(work)}})
	c.say(`{"jsonrpc":"2.0","id":1,"method":"work","params":{"n":"text"}}`)
	if l := c.hear(); l.Error == nil || l.Error.Data.Code != problem.Usage {
		t.Errorf("%+v", l)
	}
}
