//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// The shell completes what the cluster really has.
func TestCompletion(t *testing.T) {
	t.Parallel()
	ns := shop(t)
	dev := shared.developer(t, ns)
	admin := shared.developerWith(t, "admin", os.Getenv("NHCTL_TEST_KUBECONFIG"))
	for _, c := range []struct {
		who  *developer
		args []string
		want string
	}{
		{dev, []string{"dev", "start", ""}, "catalog"},
		{dev, []string{"dev", "end", "deploy/"}, "deploy/catalog"},
		{admin, []string{"dev", "start", "--namespace", ""}, ns},
	} {
		out := c.who.must("", append([]string{"__complete"}, c.args...)...)
		if !slices.Contains(strings.Split(out, "\n"), c.want) {
			t.Errorf("%q completes to %q, want %s among it", c.args, out, c.want)
		}
	}
	if out := dev.must("", "completion", "bash"); !strings.Contains(out, "__start_nhctl") {
		t.Error("no bash completion")
	}
}

// A watched status says what changes, and ends at Ctrl-C without an error.
func TestWatchStatus(t *testing.T) {
	t.Parallel()
	_, dev, src := atShop(t)
	dev.must(src, "dev", "start", "--mode", "duplicate", "--no-terminal")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := dev.command(ctx, src, "dev", "status", "--watch", "-o", "json")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ran := make(chan string, 1)
	var states []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var s rpc.Session
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatalf("%v: %s", err, lines.Text())
		}
		if states == nil {
			go func() { ran <- dev.nhctl(src, "dev", "run").stderr }()
		}
		states = append(states, "")
		for _, c := range s.Commands {
			states[len(states)-1] = c.State
		}
		if states[len(states)-1] == "running" {
			_ = cmd.Process.Signal(syscall.SIGINT)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("Ctrl-C: %v", err)
	}
	if len(states) < 2 || states[len(states)-1] != "running" {
		t.Errorf("the states were %q; want running at last (dev run: %s)", states, <-ran)
	}
	dev.must(src, "dev", "end")
}

// A twin's pod that goes away, or a sidecar that dies, in the middle of a start: the start goes on with what comes
// after it.
func TestPodLostInTheMiddleOfAStart(t *testing.T) {
	t.Parallel()
	for step, harm := range map[string]func(*testing.T, string){
		"connect to the sidecar": func(t *testing.T, ns string) {
			if out, err := kubectl(t, os.Getenv("NHCTL_TEST_KUBECONFIG"), "-n", ns, "delete", "pod",
				shared.twinPod(t, ns), "--wait=false"); err != nil {
				t.Errorf("%s %v", out, err)
			}
		},
		"sync the sources": killSidecar,
	} {
		t.Run(strings.ReplaceAll(step, " ", "-"), func(t *testing.T) {
			t.Parallel()
			ns, dev, src := atShop(t)
			before := shared.mustSnapshot(t, ns)
			r := dev.at(src, step, func(*exec.Cmd) { harm(t, ns) }, "dev", "start", "--no-terminal", "-o", "json")
			if r.code != 0 {
				t.Fatalf("the start did not go on: %s", r)
			}
			// The pod takes its time to go: it may do so below the first build.
			eventually(t, time.Minute, "the program runs", func(context.Context) error {
				if r := dev.nhctl(src, "dev", "run"); r.code != 0 {
					return errors.New(r.String())
				}
				return nil
			})
			answer(t, ns, "catalog-nhctl-")
			dev.must(src, "dev", "end")
			shared.restored(t, ns, before)
		})
	}
}
