//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// live is a command whose output is read while it runs.
type live struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	mu  sync.Mutex
	out bytes.Buffer
}

func (l *live) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(p)
}

// begin starts nhctl with its standard input open; with a terminal when asked.
func (d *developer) begin(src string, terminal bool, args ...string) *live {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	d.t.Cleanup(cancel)
	cmd := d.command(ctx, src, args...)
	if terminal {
		d.inTerminal(cmd, "")
	}
	return d.open(cmd)
}

// inTerminal has a command run in a terminal, after what a shell does there.
func (d *developer) inTerminal(cmd *exec.Cmd, before string) {
	d.t.Helper()
	words := append([]string{cmd.Path}, cmd.Args[1:]...)
	cmd.Args = []string{"script", "-qefc", before + "exec '" + strings.Join(words, "' '") + "'", "/dev/null"}
	var err error
	if cmd.Path, err = exec.LookPath("script"); err != nil {
		d.t.Fatal(err)
	}
}

// open starts a command with its standard input open; its output goes to others, too.
func (d *developer) open(cmd *exec.Cmd, others ...io.Writer) *live {
	d.t.Helper()
	l := &live{t: d.t, cmd: cmd}
	out := io.MultiWriter(append(others, l)...)
	cmd.Stdout, cmd.Stderr = out, out
	var err error
	if l.in, err = cmd.StdinPipe(); err != nil {
		d.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	return l
}

func (l *live) say(text string) {
	l.t.Helper()
	if _, err := io.WriteString(l.in, text); err != nil {
		l.t.Fatal(err)
	}
}

// until waits until the output holds a text.
func (l *live) until(text string) {
	l.t.Helper()
	eventually(l.t, 30*time.Second, fmt.Sprintf("output with %q", text), func(context.Context) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if !bytes.Contains(l.out.Bytes(), []byte(text)) {
			return fmt.Errorf("%q", l.out.String())
		}
		return nil
	})
}

// code waits for the end.
func (l *live) code() int {
	_ = l.cmd.Wait()
	return l.cmd.ProcessState.ExitCode()
}

// A command in the container has this side's input, signals and exit code; a shell goes on over a lost sidecar and a
// closed window.
func TestTerminalAndExec(t *testing.T) {
	t.Parallel()
	ns, dev, src := atShop(t)
	dev.must(src, "dev", "start", "--mode", "duplicate", "--no-terminal")

	e := dev.begin(src, false, "dev", "exec", "--", "sh", "-c", "pwd; cat; exit 7")
	e.say("typed here\n")
	e.in.Close()
	if code := e.code(); code != 7 || e.out.String() != "/home/dev/src\ntyped here\n" {
		t.Errorf("exit code %d, output %q", code, e.out.String())
	}
	for _, s := range []struct {
		name   string
		signal syscall.Signal
	}{{"INT", syscall.SIGINT}, {"TERM", syscall.SIGTERM}} {
		e = dev.begin(src, false, "dev", "exec", "--", "sh", "-c",
			"trap 'echo got "+s.name+"; exit 9' "+s.name+"; echo ready; while :; do sleep 0.1; done")
		e.until("ready")
		_ = e.cmd.Process.Signal(s.signal)
		if code := e.code(); code != 9 || !strings.Contains(e.out.String(), "got "+s.name) {
			t.Errorf("SIG%s: exit code %d, output %q", s.name, code, e.out.String())
		}
	}
	if r := dev.nhctl(src, "dev", "exec", "--", "no-such-program"); r.code != 127 ||
		!strings.Contains(r.stderr, "no-such-program is in none of") {
		t.Errorf("a program that is missing: %s", r)
	}
	e = dev.begin(src, false, "dev", "exec", "--", "sh", "-c", "echo ready; sleep 4100")
	e.until("ready")
	_ = e.cmd.Process.Kill()
	eventually(t, 30*time.Second, "the command of a killed nhctl ended", func(context.Context) error {
		out, err := dev.inPod(src, "sh", "-c", "pgrep -f '^sleep 4100' | wc -l")
		if err == nil && strings.TrimSpace(out) != "0" {
			err = fmt.Errorf("%s live", out)
		}
		return err
	})
	copies(t, dev, ns, src)
	terminals(t, dev, ns, src)
	dev.must(src, "dev", "end")
}

// copies goes both ways, the second time for what is missing only, and not over folders. The sidecar dies in the
// meantime.
func copies(t *testing.T, dev *developer, ns, src string) {
	t.Helper()
	data := filepath.Join(dev.home, "data")
	big := strings.Repeat("0123456789abcdef", 2<<20)
	write(t, filepath.Join(data, "big"), big)
	write(t, filepath.Join(data, "sub", "run.sh"), "#!/bin/sh\necho copied\n")
	if err := os.Chmod(filepath.Join(data, "sub", "run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	c := dev.begin(src, false, "dev", "cp", data, ":/tmp/data")
	killSidecar(t, ns)
	if code := c.code(); code != 0 || !strings.Contains(c.out.String(), "2 files copied (33.6 MB), 0 were the same") {
		t.Errorf("exit code %d: %s", code, c.out.String())
	}
	if out := dev.must(src, "dev", "cp", data+"/.",
		":/tmp/data"); !strings.Contains(out, "0 files copied (0.0 MB), 2 were the same") {
		t.Error(out)
	}
	if out, err := dev.inPod(src, "/tmp/data/sub/run.sh"); err != nil || out != "copied\n" {
		t.Errorf("%q, %v", out, err)
	}
	dev.must(src, "dev", "cp", "catalog:/tmp/data", filepath.Join(dev.home, "back"))
	if read(t, filepath.Join(dev.home, "back", "big")) != big {
		t.Error("what came back differs")
	}
	write(t, filepath.Join(dev.home, "sub"), "a file")
	if r := dev.nhctl(src, "dev", "cp", filepath.Join(dev.home, "sub"), ":/tmp/data"); r.code != 1 ||
		!strings.Contains(r.stderr, "/tmp/data/sub is a folder, and a file would take its place") {
		t.Errorf("a file over a folder: %s", r)
	}
}

func terminals(t *testing.T, dev *developer, ns, src string) {
	t.Helper()
	first := dev.begin(src, true, "dev", "terminal")
	first.say("test -t 0 && echo shell=$((40+2)) in $PWD; VAR=still\n")
	first.until("shell=42 in /home/dev/src")
	killSidecar(t, ns)
	first.say("echo $VAR-there-$((20+3))\n")
	first.until("still-there-23")
	_ = first.cmd.Process.Kill() // script's: the window closes
	first.code()
	second := dev.begin(src, true, "dev", "terminal", "--attach")
	second.until("shell=42 in /home/dev/src") // what was printed before
	second.say("echo $VAR-attached-$((20+4)); exit 3\n")
	second.until("still-attached-24")
	if code := second.code(); code != 3 {
		t.Errorf("the shell's exit code came as %d", code)
	}
	if r := dev.nhctl(src, "dev", "terminal", "--attach"); r.code != 1 ||
		!strings.Contains(r.stderr, "no terminal is open") {
		t.Errorf("nothing to attach to: %s", r)
	}
}
