package supervise

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// fakeDelve answers in delve's place, on a port of its own. Its program is started by hand, or by who asks for that.
type fakeDelve struct {
	net.Listener
	mu        sync.Mutex
	started   bool
	continued bool
}

func newFakeDelve(t *testing.T) *fakeDelve {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &fakeDelve{Listener: l}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { d.serve(conn) })
		}
	})
	t.Cleanup(func() { l.Close(); serving.Wait() })
	return d
}

func (d *fakeDelve) serve(conn net.Conn) {
	defer conn.Close()
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		var request struct {
			Method string
			ID     int
		}
		if json.Unmarshal(lines.Bytes(), &request) != nil {
			return
		}
		d.mu.Lock()
		if request.Method == "RPCServer.Command" {
			d.started, d.continued = true, true
		}
		started := d.started
		d.mu.Unlock()
		fmt.Fprintf(conn, "{\"id\":%d,\"result\":{\"State\":{\"Running\":%t}},\"error\":null}\n", request.ID, started)
	}
}

// run lets the program run, as a client does that has set its breakpoints.
func (d *fakeDelve) run() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.started = true
}

func (d *fakeDelve) wasContinued() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.continued
}

// heldSpec is a command that is held when it is started again.
func heldSpec(d *fakeDelve) Spec {
	held := &Held{Argv: []string{"sleep", "62"}, Port: d.Addr().(*net.TCPAddr).Port}
	return Spec{Argv: []string{"sleep", "60"}, Reload: &Reload{Argv: []string{"sleep", "61"}, Held: held}}
}

// debugs follows the debug command as its debugger's client, until the function that it returns is called.
func debugs(t *testing.T, c *Client) (leave func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var following sync.WaitGroup
	begun := make(chan struct{})
	following.Go(func() {
		var once sync.Once
		_ = c.Logs(ctx, Debug, LogsOptions{Follow: true, Debugs: true}, func(Line) error {
			once.Do(func() { close(begun) })
			return nil
		})
	})
	<-begun
	leave = sync.OnceFunc(func() { cancel(); following.Wait() })
	t.Cleanup(leave)
	return leave
}

// goesOn waits until the debug command is held no longer.
func goesOn(t *testing.T, c *Client) {
	t.Helper()
	eventually(t, func() error {
		if status(t, c, Debug).Held {
			return errors.New("it is held")
		}
		return nil
	})
}

// A program that is debugged is held when it is started again, until its client lets it go on.
func TestHeld(t *testing.T) {
	d := newFakeDelve(t)
	c := serve(t, DefaultGrace)
	start(t, c, Debug, heldSpec(d))
	debugs(t, c)
	change(t, c)
	if s := reloads(t, c, Debug, 1); !s.Held || s.Argv[1] != "62" {
		t.Errorf("with a client: %+v", s)
	}
	d.run()
	goesOn(t, c)
	if d.wasContinued() {
		t.Error("it was let go by the supervisor")
	}
}

// Whoever hears of a start, and asks at once, learns whether the program is held and how often it was started again.
func TestHeldFromTheStart(t *testing.T) {
	d := newFakeDelve(t)
	c := serve(t, DefaultGrace)
	start(t, c, Debug, heldSpec(d))
	debugs(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	change(t, c)
	var s Status
	_ = c.Logs(ctx, Debug, LogsOptions{Follow: true}, func(l Line) error {
		if l.Text == contract.RemarkStarted+"sleep 62" {
			s = status(t, c, Debug)
			cancel()
		}
		return nil
	})
	if !s.Held || s.Reloads != 1 {
		t.Errorf("at its start: %+v", s)
	}
}

func TestNotHeld(t *testing.T) {
	d := newFakeDelve(t)
	c := serve(t, DefaultGrace)
	start(t, c, Debug, heldSpec(d))
	debugs(t, c)()
	eventually(t, func() error { // its connection has ended there, too
		change(t, c)
		if s := status(t, c, Debug); s.Reloads == 0 || s.Held || s.Argv[1] != "61" {
			return fmt.Errorf("without a client: %+v", s)
		}
		return nil
	})
}

// A client that goes, and one that does not come, hold no program up.
func TestHeldForNoOne(t *testing.T) {
	for name, limit := range map[string]time.Duration{"it has gone": time.Hour, "it does not come": time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			d := newFakeDelve(t)
			c := serveWith(t, Options{HoldLimit: limit})
			start(t, c, Debug, heldSpec(d))
			leave := debugs(t, c)
			change(t, c)
			reloads(t, c, Debug, 1)
			if limit == time.Hour {
				leave()
			}
			goesOn(t, c)
			text := fmt.Sprint(output(t, c, Debug, 0))
			if !d.wasContinued() || !strings.Contains(text, "without breakpoints") {
				t.Errorf("let go: %v; it says: %s", d.wasContinued(), text)
			}
		})
	}
}

// Each of a row of saves ends the watch over the program before it.
func TestHeldOneAfterAnother(t *testing.T) {
	d := newFakeDelve(t)
	c := serve(t, DefaultGrace)
	start(t, c, Debug, heldSpec(d))
	debugs(t, c)
	for n := 1; n <= 3; n++ {
		change(t, c)
		if s := reloads(t, c, Debug, n); !s.Held {
			t.Errorf("reload %d: %+v", n, s)
		}
	}
	if _, err := c.Stop(t.Context(), Debug); err != nil {
		t.Fatal(err)
	}
	goesOn(t, c)
	if d.wasContinued() {
		t.Error("a program was let go that is over")
	}
}
