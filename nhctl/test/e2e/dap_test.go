//go:build e2e

package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/dap/daptest"
)

// An editor debugs a service from nothing: the launch starts dev mode, a restart builds, also one from elsewhere, and a
// build that fails leaves the program and the session. A second editor joins. Who disconnects leaves the program
// running, and terminate stops it. TestDebugGo and its like have hot reload and lost pods.
func TestDAPLaunch(t *testing.T) {
	t.Parallel()
	ns, dev, src := atShop(t)
	configure(t, src, "catalog", "dev-go", `
command:
  run: go run .
debug: {language: go}`)
	c := debugged{service: "catalog", path: "/books", file: "main.go", line: "w.Header().Set(", expression: "hostname",
		value: "catalog-nhctl-"}
	file, line := c.place(t, src)
	stop := daptest.Breakpoint{Line: line}

	first := dev.dap(src)
	first.Begin("launch", map[string]any{"start": true, "env": map[string]string{"CURRENCY": "XTS"}}, file, stop)
	first.Prints("currency XTS")
	c.stands(t, ns, first, file, `"currency":"XTS"`, func() {})

	edit(t, file, "Welcome to the bookshop", "Started again")
	first.Ask("restart", "")
	first.Prints("joined the program that was built again")
	c.stands(t, ns, first, file, "Started again", func() {})
	edit(t, file, "Started again", "Restarted from elsewhere")
	dev.must(src, "dev", "restart")
	first.Prints("joined the program that was built again")
	first.Prints("currency XTS")
	c.stands(t, ns, first, file, "Restarted from elsewhere", func() {})
	edit(t, file, `"Restarted from elsewhere"`, `"Restarted" nonsense`)
	first.Refused("restart", "", "the build failed with exit code 1")
	first.Prints("syntax error")

	got := ask(t, ns, c.service, c.path)
	first.stopped(c.expression)
	second := dev.dap(src) // delve takes another client where the program stands, which goes on then
	second.Begin("attach", "", file, stop)
	if body := <-got; !strings.Contains(body, "Restarted from elsewhere") {
		t.Errorf("after a build that failed: %s", body)
	}
	first.leaves("")
	serviceAnswers(t, ns, c.service, c.path, "Restarted from elsewhere")
	second.Ask("terminate", "")
	second.Event("terminated")
	second.leaves("")
	if now := dev.ran(src, "debug"); now.State != "exited" {
		t.Errorf("after terminate: %+v", now)
	}
	dev.must(src, "dev", "end")
}

// A build that fails ends the session with its diagnosis. A flood of output that the editor does not read is left out,
// and a stream that is none of messages ends the adapter, not the program.
func TestDAPStreams(t *testing.T) {
	t.Parallel()
	ns := place(t, "base")
	dev := shared.developer(t, ns)
	src := filepath.Join(dev.home, "src", "flood")
	configure(t, src, "greeter", "dev-base", `
command:
  build: if [ -e broken ]; then echo it is broken; exit 3; fi
  run: yes "$(printenv LINE)" | head -c 10000000; touch /tmp/flooded; exec sleep 3600`)
	write(t, filepath.Join(src, "broken"), "")
	line := strings.Repeat("words of a flood ", 60)
	launch := map[string]any{"start": true, "noDebug": true, "env": map[string]string{"LINE": line}}

	p := dev.dap(src)
	p.Initialize()
	p.Refused("launch", launch, "the build failed with exit code 3")
	p.Prints("it is broken")
	p.Event("terminated")
	p.leaves("")
	if err := os.Remove(filepath.Join(src, "broken")); err != nil {
		t.Fatal(err)
	}

	p = dev.dap(src)
	p.Initialize()
	p.Ask("launch", launch)
	p.Prints("words of a flood")
	resume := p.Pause()
	eventually(t, debugLimit, "the flood is over", func(context.Context) error {
		_, err := dev.inPod(src, "test", "-e", "/tmp/flooded")
		return err
	})
	resume()
	p.Prints("bytes of output were left out here")
	p.Refused("evaluate", "", "the program runs without a debugger")
	p.Write("this is no message\r\n\r\n")
	if code := p.end(); code != 1 {
		t.Errorf("after nonsense it ends with exit code %d", code)
	}
	if now := dev.ran(src, "run"); now.State != "running" {
		t.Errorf("the program has ended with the adapter: %+v", now)
	}
	dev.must(src, "dev", "end")
}
