//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nhctl/nhctl/hack/recording/asciicast"
	"github.com/nhctl/nhctl/hack/recording/svg"
	"github.com/nhctl/nhctl/nhctl/docs"
)

// commandsOf are the commands of a text that pages show.
func commandsOf(t *testing.T, text string) []docs.Shown {
	t.Helper()
	commands, err := docs.Commands(text)
	if err != nil {
		t.Fatal(err)
	}
	return commands
}

// The commands of the pages for newcomers work in the order in which one reads them, and print what the pages show.
func TestPages(t *testing.T) {
	t.Parallel()
	ns, dev, src := atShop(t)
	before := shared.mustSnapshot(t, ns)
	left := docs.NotRun()
	for _, name := range docs.Walkthrough() {
		for _, c := range commandsOf(t, read(t, filepath.Join(repository, "nhctl", "docs", name))) {
			if why, there := left[c.String()]; there {
				t.Logf("%s: nhctl %s is not run: %s", name, c, why)
				continue
			}
			r := dev.nhctl(src, c.Args...)
			if r.code != 0 {
				t.Fatalf("%s: nhctl %s: %s", name, c, r)
			}
			for _, words := range c.Words() {
				if !strings.Contains(r.stdout+r.stderr, words) {
					t.Errorf("%s shows %q as output of nhctl %s: %s", name, words, c, r)
				}
			}
		}
	}
	shared.restored(t, ns, before)
}

// The terminal of the recording, in characters.
const recordedWidth, recordedHeight = 100, 28

// The first dev mode of the README, as someone sees it who types its commands at a terminal, in a folder without a
// config. What they see can be drawn; NHCTL_TEST_RECORDING names a file for the recording (`make recording`).
func TestFirstDevMode(t *testing.T) {
	t.Parallel()
	ns, dev, src := atShop(t)
	dev.keepsDebuggers() // else delve would be compiled once more, with Go's standard library
	// A compiler needs more than the service.
	shared.patchDeployment(t, ns, "catalog", `{"spec":{"template":{"spec":{"containers":[`+
		`{"name":"catalog","resources":{"limits":{"memory":"1Gi"}}}]}}}}`)
	shared.settled(t, ns, 1)
	before := shared.mustSnapshot(t, ns)
	if err := os.RemoveAll(filepath.Join(src, ".dev")); err != nil {
		t.Fatal(err)
	}
	section, err := docs.Section(read(t, filepath.Join(repository, "README.md")), docs.FirstDevMode)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	terminal := asciicast.Recording{
		Width:  recordedWidth,
		Height: recordedHeight,
		Title:  "The first dev mode with nhctl",
	}
	recorder := asciicast.NewRecorder(terminal, func() time.Duration { return time.Since(begin) },
		dev.home, "/home/ada")
	for _, c := range commandsOf(t, section) {
		dev.recorded(src, strings.ReplaceAll(c.String(), "deploy/web", "deploy/catalog"), recorder)
	}
	shared.restored(t, ns, before)
	if _, err := svg.Draw(recorder.Recording()); err != nil {
		t.Error(err)
	}
	if path := os.Getenv("NHCTL_TEST_RECORDING"); path != "" {
		var text bytes.Buffer
		if err := recorder.Recording().Write(&text); err != nil {
			t.Fatal(err)
		}
		write(t, path, text.String())
	}
}

// recorded types a command of nhctl, and leaves the shell that it may open.
func (d *developer) recorded(src, command string, r *asciicast.Recorder) {
	d.t.Helper()
	show := func(text string, pause time.Duration) {
		if _, err := r.Write([]byte(text)); err != nil {
			d.t.Fatal(err)
		}
		r.Pause(pause)
	}
	show("$ ", time.Second)
	show("nhctl "+command+"\r\n", time.Second/2)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := d.command(ctx, src, strings.Fields(command)...)
	cmd.Env = append(cmd.Env, "TERM=xterm")
	d.inTerminal(cmd, fmt.Sprintf("stty cols %d rows %d; ", recordedWidth, recordedHeight))
	l := d.open(cmd, r)
	if strings.HasPrefix(command, "dev start ") {
		l.untilPrompt("(nhctl dev end does)")
		r.Pause(time.Second)
		l.say("ls\n")
		l.untilPrompt("main.go")
		r.Pause(time.Second)
		l.say("exit\n")
	}
	if code := l.code(); code != 0 {
		d.t.Fatalf("nhctl %s: exit code %d: %s", command, code, l.out.String())
	}
	r.Pause(time.Second)
}

// untilPrompt waits until a shell's prompt stands behind a text.
func (l *live) untilPrompt(text string) {
	l.t.Helper()
	eventually(l.t, 3*time.Minute, fmt.Sprintf("a prompt behind %q", text), func(context.Context) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		out := l.out.String()
		if !strings.Contains(out, text) || !strings.HasSuffix(out, "$ ") && !strings.HasSuffix(out, "# ") {
			return fmt.Errorf("%q", out)
		}
		return nil
	})
}
