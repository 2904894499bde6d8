//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/dap/daptest"
	"github.com/nhctl/nhctl/nhctl/internal/debugger"
	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// adapter is a client of a language's own debugger, or of `nhctl dap`.
type adapter struct {
	*daptest.Client
	t  *testing.T
	at daptest.Stop
}

// attachDAP attaches as VS Code does with what `dev debug` prints for it, and sets a breakpoint in a file of this
// computer.
func attachDAP(t *testing.T, d event.DebugData, file string, line int) debugClient {
	t.Helper()
	_, launch, ok := strings.Cut(debugger.HowToAttach(d), "VS Code:   ")
	if !ok {
		t.Fatalf("nothing for VS Code in %q", debugger.HowToAttach(d))
	}
	conn := dialDebugger(t, d)
	a := &adapter{t: t, Client: daptest.New(t, conn, conn, debugLimit)}
	a.Initialize()
	begun := a.Send("attach", launch)
	a.Event("initialized")
	var set struct {
		Breakpoints []struct {
			Verified bool `json:"verified"`
		} `json:"breakpoints"`
	}
	answer := a.Break(file, daptest.Breakpoint{Line: line})
	err := json.Unmarshal(answer.Body, &set)
	if err != nil || len(set.Breakpoints) != 1 || !set.Breakpoints[0].Verified {
		t.Fatalf("breakpoints: %s %v", answer.Body, err)
	}
	a.Ask("configurationDone", "")
	a.Answer(begun)
	return a
}

func (a *adapter) stopped(expression string) (file, value string) {
	a.t.Helper()
	a.at = a.Stopped()
	return a.at.File, a.Value(a.at, expression)
}

func (a *adapter) goOn() {
	a.t.Helper()
	a.Continue(a.at)
}

func (a *adapter) leave() {
	a.t.Helper()
	a.Ask("disconnect", "{}")
	a.Close() // Ruby's debugger waits for that
}

// adapterProcess is `nhctl dap` with its client.
type adapterProcess struct {
	adapter
	cmd   *exec.Cmd
	ended chan error
}

// dap starts `nhctl dap` in a folder.
func (d *developer) dap(src string) *adapterProcess {
	d.t.Helper()
	cmd := d.command(d.t.Context(), src, "dap")
	in, err := cmd.StdinPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	from, out := io.Pipe()
	cmd.Stdout = out
	p := &adapterProcess{
		adapter: adapter{t: d.t, Client: daptest.New(d.t, from, in, debugLimit)},
		cmd:     cmd,
		ended:   make(chan error, 1),
	}
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	go func() {
		p.ended <- cmd.Wait()
		out.Close()
	}()
	return p
}

// end waits until the process has ended, and returns its exit code.
func (p *adapterProcess) end() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(debugLimit):
		p.t.Fatal("nhctl dap does not end")
	}
	return p.cmd.ProcessState.ExitCode()
}

// leaves disconnects; the process ends then.
func (p *adapterProcess) leaves(arguments string) {
	p.t.Helper()
	p.Ask("disconnect", arguments)
	if code := p.end(); code != 0 {
		p.t.Errorf("nhctl dap ends with exit code %d", code)
	}
}

// attaches joins the program under its debugger by `nhctl dap`, and stops at a breakpoint. Languages with another
// protocol are handed over.
func (c debugged) attaches(t *testing.T, ns string, dev *developer, src string, d event.DebugData) *adapterProcess {
	t.Helper()
	p := dev.dap(src)
	arguments := map[string]any{"port": d.Port}
	if d.Attach.DAP == nil {
		p.Initialize()
		p.Refused("attach", arguments, "does not speak the Debug Adapter Protocol")
		if got := p.Event("nhctl.handover"); !strings.Contains(got, fmt.Sprintf(`"type":%q`, c.language)) {
			t.Errorf("it hands over %s", got)
		}
		p.leaves("")
		return nil
	}
	file, line := c.place(t, src)
	p.Begin("attach", arguments, file, daptest.Breakpoint{Line: line})
	c.stands(t, ns, p, file, c.want, func() {})
	return p
}

// again waits until a service that was started again has another answer; a client of `nhctl dap` has it stop before
// that.
func (c debugged) again(t *testing.T, ns string, client *adapterProcess, src, want string) {
	t.Helper()
	if client == nil {
		serviceAnswers(t, ns, c.service, c.path, want)
		return
	}
	client.Prints("joined the program that was built again")
	file, _ := c.place(t, src)
	c.stands(t, ns, client, file, want, func() {})
}
