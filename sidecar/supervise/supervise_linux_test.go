package supervise

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"
)

// Orphans are left to the test's process, as they are to PID 1 of a container.
func TestMain(m *testing.M) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if child := os.Getenv(tracerOf); child != "" {
		os.Exit(trace(child))
	}
	os.Exit(m.Run())
}

// tracerOf is a variable that makes this program a debugger of a program, which runs or stands.
const tracerOf = "NHCTL_TEST_TRACER"

// trace is as delve is with a client: asked to end while its program runs, it waits without end. It returns 0 where the
// program has ended before, and 3 where that stands.
func trace(child string) int {
	runtime.LockOSThread()
	terms := make(chan os.Signal, 1)
	signal.Notify(terms, syscall.SIGTERM)
	cmd := exec.Command("sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Setpgid: true}
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("traced")
	if child == "stands" {
		<-terms
		return 3
	}
	go func() {
		for range terms {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
			if err != nil || strings.Contains(string(stat), ") Z ") {
				os.Exit(0)
			}
		}
	}()
	for sig := 0; ; {
		var status syscall.WaitStatus
		if _, err := syscall.Wait4(cmd.Process.Pid, &status, 0, nil); err != nil || !status.Stopped() {
			break
		}
		if sig = int(status.StopSignal()); sig == int(syscall.SIGTRAP) {
			sig = 0
		}
		if err := syscall.PtraceCont(cmd.Process.Pid, sig); err != nil {
			return 1
		}
	}
	select {}
}

// A debugger is asked to end once its program has ended, or stands.
func TestStopUnderADebugger(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for child, want := range map[string]int{"runs": 0, "stands": 3} {
		t.Run(child, func(t *testing.T) {
			c := serve(t, DefaultGrace)
			spec := Spec{Argv: []string{self}, Env: map[string]string{tracerOf: child}}
			if _, err := c.Start(t.Context(), Debug, spec); err != nil {
				t.Fatal(err)
			}
			eventually(t, func() error {
				if lines := output(t, c, Debug, 10); !strings.Contains(strings.Join(lines, "\n"), "traced") {
					return fmt.Errorf("it says %q", lines)
				}
				return nil
			})
			s, err := c.Stop(t.Context(), Debug)
			if err != nil || s.ExitCode == nil || *s.ExitCode != want {
				t.Errorf("it ends with %+v, %v; want exit code %d", s, err, want)
			}
		})
	}
}

// serve runs a supervisor on a socket. Tests of this package share the process, so its reaper would reap other tests'
// children: they run one after the other.
func serve(t *testing.T, grace time.Duration) *Client {
	t.Helper()
	return serveWith(t, Options{Grace: grace})
}

// serveTools runs a supervisor that takes tools, and returns their folder.
func serveTools(t *testing.T) (*Client, string) {
	t.Helper()
	tools := filepath.Join(t.TempDir(), "tools")
	return serveWith(t, Options{Tools: tools}), tools
}

func serveWith(t *testing.T, o Options) *Client {
	t.Helper()
	dir, err := os.MkdirTemp("", "supervise-")
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s.sock")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	o.Socket, o.Dir, o.Logger = socket, dir, slog.New(slog.DiscardHandler)
	s := New(o)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		os.RemoveAll(dir)
	})
	c := NewClient(func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	})
	eventually(t, func() error { return c.Healthy(t.Context()) })
	return c
}

// limit limits every wait: far more than it takes, also on a busy machine under the race detector.
const limit = 2 * time.Minute

func eventually(t *testing.T, check func() error) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(limit); ; <-tick.C {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func exited(t *testing.T, c *Client) Status {
	t.Helper()
	var s Status
	eventually(t, func() (err error) {
		if s, err = c.Status(t.Context(), Run); err == nil && s.State != StateExited {
			err = fmt.Errorf("state %s", s.State)
		}
		return err
	})
	return s
}

func output(t *testing.T, c *Client, name string, tail int) []string {
	t.Helper()
	var lines []string
	if err := c.Logs(t.Context(), name, LogsOptions{Tail: tail}, func(l Line) error {
		lines = append(lines, l.Stream+": "+l.Text)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestExitCodeAndOutput(t *testing.T) {
	c := serve(t, DefaultGrace)
	if _, err := c.Start(t.Context(), Run, Spec{Argv: []string{"sh", "-c", "echo out $GREETING; exit 7"},
		Env: map[string]string{"GREETING": "hello"}}); err != nil {
		t.Fatal(err)
	}
	s := exited(t, c)
	if s.ExitCode == nil || *s.ExitCode != 7 {
		t.Errorf("exit code: %+v", s)
	}
	want := []string{"nhctl: started: sh -c echo out $GREETING; exit 7", "stdout: out hello",
		"nhctl: exited with code 7"}
	if diff := cmp.Diff(want, output(t, c, Run, 0)); diff != "" {
		t.Error(diff)
	}
}

func TestStopKillsTheWholeGroup(t *testing.T) {
	c := serve(t, 100*time.Millisecond)
	file := filepath.Join(t.TempDir(), "pid")
	script := "trap '' TERM; sh -c 'trap \"\" TERM; echo $$ > " + file +
		"; while :; do sleep 1; done' & wait; while :; do sleep 1; done"
	if _, err := c.Start(t.Context(), Run, Spec{Argv: []string{"sh", "-c", script}}); err != nil {
		t.Fatal(err)
	}
	var child int
	eventually(t, func() error {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		_, err = fmt.Sscan(string(data), &child)
		return err
	})
	s, err := c.Stop(t.Context(), Run)
	if err != nil || s.Signal != "killed" {
		t.Errorf("stop: %+v, %v", s, err)
	}
	eventually(t, func() error {
		if err := syscall.Kill(child, 0); !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("grandchild %d lives on: %v", child, err)
		}
		return nil
	})
}

func TestSecondStartReplacesOrRefuses(t *testing.T) {
	c := serve(t, DefaultGrace)
	first, err := c.Start(t.Context(), Run, Spec{Argv: []string{"sleep", "60"}})
	if err != nil {
		t.Fatal(err)
	}
	if first.State != StateRunning || first.PID == 0 {
		t.Errorf("start answered %+v", first)
	}
	if _, err := c.Start(t.Context(), Run,
		Spec{Argv: []string{"sleep", "61"}, Refuse: true}); !errors.Is(err, ErrRunning) {
		t.Errorf("refusing start: %v", err)
	}
	if _, err := c.Start(t.Context(), Run, Spec{Argv: []string{"sleep", "62"}}); err != nil {
		t.Fatal(err)
	}
	s, err := c.Status(t.Context(), Run)
	if err != nil || s.State != StateRunning || s.Argv[1] != "62" {
		t.Errorf("after replacing: %+v, %v", s, err)
	}
}

func TestTTYOfACommand(t *testing.T) {
	c := serve(t, DefaultGrace)
	if _, err := c.Start(t.Context(), Run, Spec{Argv: []string{"sh", "-c",
		"test -t 1 && test -t 2 && cat && echo on a terminal, and nobody types; exit 4"}, TTY: true}); err != nil {
		t.Fatal(err)
	}
	if s := exited(t, c); s.ExitCode == nil || *s.ExitCode != 4 {
		t.Errorf("%+v", s)
	}
	if got := output(t, c, Run, 2)[0]; got != "stdout: on a terminal, and nobody types" {
		t.Errorf("%q", got)
	}
}

// A program that prints as fast as it can neither fills the memory nor keeps anyone from stopping it.
func TestFlood(t *testing.T) {
	c := serve(t, DefaultGrace)
	if _, err := c.Start(t.Context(), Run, Spec{Argv: []string{"yes", strings.Repeat("x", 99)}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	begun, last, lines := time.Now(), "", 0
	err := c.Logs(ctx, Run, LogsOptions{Follow: true}, func(l Line) error {
		if lines++; strings.HasSuffix(l.Text, "lines were dropped)") || lines > 200_000 {
			last = l.Text
			return errors.New("enough")
		}
		return nil
	})
	if last == "" {
		t.Errorf("after %s: %v", time.Since(begun), err)
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > ringBytes+ringBytes/2 {
		t.Errorf("the heap has %d MB", m.HeapAlloc>>20)
	}
	if s, err := c.Stop(t.Context(), Run); err != nil || s.Signal != "terminated" {
		t.Errorf("stop: %+v, %v", s, err)
	}
}

func TestProgramThatIsMissing(t *testing.T) {
	c := serve(t, DefaultGrace)
	if _, err := c.Start(t.Context(), Run, Spec{Argv: []string{"no-such-program"}}); err == nil ||
		!strings.Contains(err.Error(), "no-such-program") {
		t.Errorf("got %v", err)
	}
}

func TestFollow(t *testing.T) {
	c := serve(t, DefaultGrace)
	ctx, cancel := context.WithCancel(t.Context())
	lines := make(chan string, 100)
	done := make(chan error, 1)
	go func() {
		done <- c.Logs(ctx, Run, LogsOptions{Follow: true}, func(l Line) error { lines <- l.Text; return nil })
	}()
	if _, err := c.Start(t.Context(), Run, Spec{Argv: []string{"sh", "-c", "echo one; echo two"}}); err != nil {
		t.Fatal(err)
	}
	for line := range lines {
		if line == "two" {
			break
		}
	}
	cancel()
	if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestRingIsBounded(t *testing.T) {
	all := newRings(4 * blockBytes)
	build, run := all.ring(), all.ring()
	build.add("nhctl", []byte("built"))
	const perBlock = blockBytes / (lineHeader + 10)
	const total = 10*perBlock + 1
	for range total {
		run.add("stdout", []byte("0123456789"))
	}
	// The quiet one keeps its block, the loud one has three: two are full, and one has the last line.
	lines, next, _ := run.since(0)
	if want := fmt.Sprintf("(%d lines were dropped)", 8*perBlock); lines[0].Text != want || next != 8*perBlock+1023 {
		t.Errorf("a slow reader saw %q, next %d; want %s", lines[0].Text, next, want)
	}
	lines, next, _ = run.since(total - 1)
	if diff := cmp.Diff([]Line{{Stream: "stdout", Text: "0123456789"}}, lines,
		cmpopts.IgnoreFields(Line{}, "Time")); diff != "" || next != total {
		t.Errorf("the last line (next %d): %s", next, diff)
	}
	if lines, _, _ = build.since(0); len(lines) != 1 || lines[0].Text != "built" {
		t.Errorf("the other command's: %+v", lines)
	}
	if at := run.start(3, time.Time{}); at != total-3 {
		t.Errorf("the last three lines of %d begin at %d", total, at)
	}
	if at := run.start(0, time.Now()); at != total {
		t.Errorf("what comes begins at %d", at)
	}
	run.add("stderr", []byte(strings.Repeat("x", 2*maxLine)))
	if lines, _, _ = run.since(total); len(lines[0].Text) != maxLine {
		t.Errorf("a long line is kept with %d bytes", len(lines[0].Text))
	}
}

// A child that outlives the command's own process leaves no zombie: a number of /proc that no one waited for stays.
func TestOrphansAreReaped(t *testing.T) {
	c := serve(t, DefaultGrace)
	file := filepath.Join(t.TempDir(), "pid")
	script := "setsid sleep 0.05 & echo $! > " + file
	if _, err := c.Start(t.Context(), Run, Spec{Argv: []string{"sh", "-c", script}}); err != nil {
		t.Fatal(err)
	}
	exited(t, c)
	pid, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		status, err := os.ReadFile(filepath.Join("/proc", strings.TrimSpace(string(pid)), "status"))
		if err == nil {
			return fmt.Errorf("the orphan is there:\n%s", status)
		}
		return nil
	})
}

func TestMemoryVersions(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"version 2": {"memory.events": "low 0\noom 3\noom_kill 2\n", "memory.max": "67108864\n"},
		"version 1": {"memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
			"memory/memory.limit_in_bytes": "67108864\n"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for file, text := range files {
				path := filepath.Join(root, file)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			m := memory{root: root}
			if m.oomKills() != 2 || m.limit() != 64<<20 {
				t.Errorf("kills %d, limit %d", m.oomKills(), m.limit())
			}
		})
	}
}
