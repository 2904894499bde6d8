//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
)

// ran is a command's state as `dev status` has it.
func (d *developer) ran(src, name string) event.CommandData {
	d.t.Helper()
	for _, c := range query[rpc.Session](d, src, "dev", "status").Commands {
		if c.Name == name {
			return c
		}
	}
	return event.CommandData{Name: name, State: "none"}
}

// outcome runs long work with -o json, and decodes its result.
func outcome[T any](d *developer, dir string, args ...string) T {
	d.t.Helper()
	out := strings.TrimSpace(d.must(dir, append(args, "-o", "json")...))
	var e struct {
		Type   event.Type `json:"type"`
		Result T          `json:"result"`
	}
	last := out[strings.LastIndexByte(out, '\n')+1:]
	if err := json.Unmarshal([]byte(last), &e); err != nil || e.Type != event.Result {
		d.t.Fatalf("nhctl %s: %v: %s", strings.Join(args, " "), err, last)
	}
	return e.Result
}

// configure writes a config of a service whose dev section has these lines, besides image and folder.
func configure(t *testing.T, src, service, image, dev string) {
	t.Helper()
	write(t, filepath.Join(src, ".dev/config.yaml"), fmt.Sprintf(`name: %s
containers:
- name: %[1]s
  dev:
    image: ghcr.io/nhctl/%s:v0.1.0
    workDir: /home/dev/src
    resources: {limits: {cpu: "2", memory: 1Gi}}
    %s
`, service, image, strings.ReplaceAll(strings.TrimSpace(dev), "\n", "\n    ")))
}

// A build that fails is shown with its exit code, and the old program goes on; a good one takes its place.
func TestBuildFails(t *testing.T) {
	t.Parallel()
	ns, dev, src := atShop(t)
	dev.must(src, "dev", "start", "--no-terminal")
	dev.must(src, "dev", "run")
	answer(t, ns, "catalog-nhctl-")
	first := dev.ran(src, "run")

	edit(t, filepath.Join(src, "main.go"), "func main() {", "func main() { nonsense")
	for _, verb := range []string{"build", "run"} {
		r := dev.nhctl(src, "dev", verb)
		if r.code != 1 || !strings.Contains(r.stdout, "./main.go:29:") ||
			!strings.Contains(r.stderr, "error: the build failed with exit code 1") {
			t.Errorf("dev %s: %s", verb, r)
		}
	}
	if r := dev.nhctl(src, "dev", "build", "--", "sh", "-c", "echo own; exit 42"); r.code != 42 ||
		!strings.Contains(r.stdout, "own\n") {
		t.Errorf("a build of one's own: %s", r)
	}
	if now := dev.ran(src, "run"); now.PID != first.PID || now.State != "running" {
		t.Errorf("what ran before: %+v, now %+v", first, now)
	}
	edit(t, filepath.Join(src, "main.go"), "func main() { nonsense", "func main() {")
	edit(t, filepath.Join(src, "main.go"), "Welcome to the bookshop", "Built again")
	dev.must(src, "dev", "build")
	if now := dev.ran(src, "run"); now.PID != first.PID {
		t.Errorf("a build alone started something: %+v", now)
	}
	if out := dev.must(src, "dev", "restart"); !strings.Contains(out, "running: exec /tmp/catalog") {
		t.Errorf("restart: %s", out)
	}
	answer(t, ns, "Built again")
	dev.must(src, "dev", "end")
}

// Programs of all manners start, are replaced, refuse, and end with all that they started.
func TestCommands(t *testing.T) {
	t.Parallel()
	_, dev, src := atShop(t)
	configure(t, src, "catalog", "dev-go", `
command:
  run: {argv: [sleep, "4000"]}`)
	dev.must(src, "dev", "start", "--mode", "duplicate", "--no-terminal")
	alive := func(what string) string {
		t.Helper()
		out, err := dev.inPod(src, "sh", "-c", "pgrep -f '^"+what+"' | wc -l")
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(out)
	}

	c := outcome[event.CommandData](dev, src, "dev", "run")
	if !slices.Equal(c.Argv, []string{"sleep", "4000"}) {
		t.Errorf("without a shell: %q", c.Argv)
	}
	if r := dev.nhctl(src, "dev", "run", "--keep"); r.code != 1 || !strings.Contains(r.stderr, "runs already") {
		t.Errorf("--keep: %s", r)
	}
	// A program with a terminal prints as to one; when it asks, no one answers, and it is not left waiting.
	dev.must(src, "dev", "run", "--tty", "--", "sh", "-c", "test -t 1 && read answer || echo nobody answers; exit 8")
	eventually(t, 10*time.Second, "the program that asks has ended", func(context.Context) error {
		if c := dev.ran(src, "run"); c.ExitCode == nil || *c.ExitCode != 8 {
			return fmt.Errorf("%+v", c)
		}
		return nil
	})
	if out := dev.must(src, "dev", "logs", "run", "--tail", "2"); !strings.Contains(out, "nobody answers") {
		t.Errorf("logs: %s", out)
	}
	floods(t, dev, src)
	// One that ignores SIGTERM, and one that forks and leaves: nothing is left of them.
	dev.must(src, "dev", "run", "--", "sh", "-c", "trap '' TERM; sleep 4001 & while :; do sleep 4002; done")
	eventually(t, 10*time.Second, "the stubborn program runs", func(context.Context) error {
		if n := alive("sleep 400[12]"); n != "2" {
			return fmt.Errorf("%s processes", n)
		}
		return nil
	})
	if n := alive("sleep 4000"); n != "0" {
		t.Errorf("%s processes of the replaced program live on", n)
	}
	restarted := outcome[event.CommandData](dev, src, "dev", "restart")
	if len(restarted.Argv) != 3 || !strings.Contains(restarted.Argv[2], "sleep 4001") {
		t.Errorf("a command of one's own, restarted: %q", restarted.Argv)
	}
	if out := dev.must(src, "dev", "stop"); !strings.Contains(out, "run: ended by signal: killed") {
		t.Errorf("stop: %s", out)
	}
	dev.must(src, "dev", "run", "--", "sh", "-c", "sleep 4003 & exit 7")
	eventually(t, 10*time.Second, "the forking program left", func(context.Context) error {
		if c := dev.ran(src, "run"); c.ExitCode == nil || *c.ExitCode != 7 {
			return fmt.Errorf("%+v", c)
		}
		return nil
	})
	if n := alive("sleep 4003"); n != "1" {
		t.Errorf("%s children of the program that left", n)
	}
	if r := dev.nhctl(src, "dev", "run", "--once", "--", "sh", "-c", "echo aside; exit 5"); r.code != 5 ||
		r.stdout != "aside\n" {
		t.Errorf("--once: %s", r)
	}
	dev.must(src, "dev", "stop", "catalog", "run")
	if n := alive("sleep 400"); n != "0" {
		t.Errorf("%s processes are left after stop", n)
	}
	if out := dev.must(src, "dev", "logs", "run"); !strings.Contains(out, "[started: sh -c sleep 4003 & exit 7]") ||
		!strings.Contains(out, "[exited with code 7]") {
		t.Errorf("logs: %s", out)
	}
	dev.must(src, "dev", "end")
}

// floods runs a program that prints as fast as it can: the supervisor's memory stays small, and it can be stopped.
func floods(t *testing.T, dev *developer, src string) {
	t.Helper()
	dev.must(src, "dev", "run", "--", "yes", strings.Repeat("x", 99))
	c := dev.ran(src, "run")
	eventually(t, time.Minute, "300 MB were printed", func(context.Context) error {
		out, err := dev.inPod(src, "sh", "-c", fmt.Sprintf("sed -n 's/^wchar: //p' /proc/%d/io", c.PID))
		if n, _ := strconv.Atoi(strings.TrimSpace(out)); err == nil && n < 300e6 {
			err = fmt.Errorf("%d bytes", n)
		}
		return err
	})
	out, err := dev.inPod(src, "sed", "-n", "s/^VmHWM:[^0-9]*//p", "/proc/1/status")
	if peak, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(out), " kB")); err != nil || peak == 0 ||
		peak > 48_000 {
		t.Errorf("the supervisor's memory was up to %q, %v", out, err)
	}
	if out := dev.must(src, "dev", "stop"); !strings.Contains(out, "run: ended by signal: ") {
		t.Errorf("stop: %s", out)
	}
}

// A save is enough: the service is built and started again, once, with the carrier or without; a broken one stays out.
func TestHotReload(t *testing.T) {
	t.Parallel()
	ns, dev, src := atShop(t)
	configure(t, src, "catalog", "dev-go", `
hotReload: true
command:
  build: go build -o /tmp/catalog .
  run: exec /tmp/catalog`)
	dev.must(src, "dev", "start", "--no-terminal")
	if c := outcome[event.CommandData](dev, src, "dev", "run"); !c.HotReload || c.Reloads != 0 {
		t.Errorf("first start: %+v", c)
	}
	answer(t, ns, "Welcome to the bookshop")
	edit(t, filepath.Join(src, "main.go"), "Welcome to the bookshop", "Saved once")
	answer(t, ns, "Saved once")
	if c := dev.ran(src, "run"); c.Reloads != 1 {
		t.Errorf("one save: %+v", c)
	}
	// What git ignores, and what the program itself writes, is no change.
	write(t, filepath.Join(src, "local-notes/x"), "ignored")
	if _, err := dev.inPod(src, "sh", "-c", "echo made > made-in-the-pod.txt"); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, "the pod's file is here", func(context.Context) error {
		_, err := os.Stat(filepath.Join(src, "made-in-the-pod.txt"))
		return err
	})
	if c := dev.ran(src, "run"); c.Reloads != 1 {
		t.Errorf("no change: %+v", c)
	}
	edit(t, filepath.Join(src, "main.go"), "func main() {", "func main() { nonsense")
	eventually(t, time.Minute, "the failed build is in the logs", func(context.Context) error {
		if out := dev.must(src, "dev", "logs", "--tail",
			"3"); !strings.Contains(out, "hot reload: the build failed (exited with code 1), the old program goes on") {
			return fmt.Errorf("%s", out)
		}
		return nil
	})
	answer(t, ns, "Saved once")
	if c := dev.ran(src, "run"); c.State != "running" || c.Reloads != 1 {
		t.Errorf("after a failed build: %+v", c)
	}
	edit(t, filepath.Join(src, "main.go"), "func main() { nonsense", "func main() {")
	edit(t, filepath.Join(src, "main.go"), "Saved once", "Saved again")
	answer(t, ns, "Saved again")
	dev.must(src, "dev", "stop")
	edit(t, filepath.Join(src, "main.go"), "Saved again", "Never seen")
	eventually(t, 20*time.Second, "the edit is there", func(context.Context) error {
		_, err := dev.inPod(src, "grep", "-q", "Never seen", "main.go")
		return err
	})
	if c := dev.ran(src, "run"); c.State != "exited" {
		t.Errorf("a save started what was stopped: %+v", c)
	}
	dev.must(src, "dev", "end")
}
