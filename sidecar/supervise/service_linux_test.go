package supervise

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func start(t *testing.T, c *Client, name string, spec Spec) Status {
	t.Helper()
	s, err := c.Start(t.Context(), name, spec)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func status(t *testing.T, c *Client, name string) Status {
	t.Helper()
	s, err := c.Status(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// change tells of a change that happens now.
func change(t *testing.T, c *Client) {
	t.Helper()
	if err := c.Changed(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
}

// reloads waits until a command was started again so many times, and runs.
func reloads(t *testing.T, c *Client, name string, want int) Status {
	t.Helper()
	var s Status
	eventually(t, func() error {
		if s = status(t, c, name); s.Reloads != want {
			return fmt.Errorf("%d reloads, want %d: %q", s.Reloads, want, output(t, c, name, 0))
		}
		return nil
	})
	return s
}

func TestRunAndDebugExcludeEachOther(t *testing.T) {
	c := serve(t, DefaultGrace)
	start(t, c, Run, Spec{Argv: []string{"sleep", "60"}})
	if _, err := c.Start(t.Context(), Debug,
		Spec{Argv: []string{"sleep", "61"}, Refuse: true}); !errors.Is(err, ErrRunning) {
		t.Errorf("refusing start of debug: %v", err)
	}
	start(t, c, Debug, Spec{Argv: []string{"sleep", "62"}})
	got := []State{status(t, c, Run).State, status(t, c, Debug).State, status(t, c, Build).State}
	if diff := cmp.Diff([]State{StateExited, StateRunning, StateNone}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := c.Status(t.Context(), "dance"); err == nil {
		t.Error("there is a command of any name")
	}
}

func TestWaitAndLogsOfABuild(t *testing.T) {
	c := serve(t, DefaultGrace)
	start(t, c, Build, Spec{Argv: []string{"echo", "an earlier one"}})
	if _, err := c.Wait(t.Context(), Build); err != nil {
		t.Fatal(err)
	}
	s := start(t, c, Build, Spec{Argv: []string{"sh", "-c", "echo broken >&2; sleep 0.1; exit 3"}})
	var lines []string
	if err := c.Logs(t.Context(), Build, LogsOptions{Since: *s.Started, Follow: true, Ended: true}, func(l Line) error {
		lines = append(lines, l.Text)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := []string{"started: sh -c echo broken >&2; sleep 0.1; exit 3", "broken", "exited with code 3"}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
	if s, err := c.Wait(t.Context(), Build); err != nil || s.ExitCode == nil || *s.ExitCode != 3 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestHotReload(t *testing.T) {
	c := serve(t, DefaultGrace)
	file := filepath.Join(t.TempDir(), "built")
	spec := Spec{Argv: []string{"sleep", "60"},
		Reload: &Reload{Build: []string{"sh", "-c", "echo x >> " + file}, Argv: []string{"sleep", "61"}}}
	first := start(t, c, Run, spec)
	if err := c.Changed(t.Context(), first.Started.Add(-time.Second)); err != nil { // what it was started with
		t.Fatal(err)
	}
	change(t, c)
	second := reloads(t, c, Run, 1)
	if second.State != StateRunning || second.PID == first.PID || second.Argv[1] != "61" || !second.HotReload {
		t.Errorf("after a change: %+v", second)
	}
	change(t, c)
	reloads(t, c, Run, 2)
	if built, err := os.ReadFile(file); err != nil || string(built) != "x\nx\n" {
		t.Errorf("%q, %v: want one build for each change", built, err)
	}
	stopped, err := c.Stop(t.Context(), Run)
	if err != nil || stopped.HotReload {
		t.Errorf("after a stop: %+v, %v", stopped, err)
	}
	change(t, c)
	start(t, c, Debug, Spec{Argv: []string{"sleep", "62"}}) // without reload
	change(t, c)
	if s := status(t, c, Run); s.State != StateExited {
		t.Errorf("what was stopped runs again: %+v", s)
	}
}

// A program that crashes after each reload is given ever more time between two.
func TestCrashLoopBacksOff(t *testing.T) {
	const pause = 50 * time.Millisecond
	c := serveWith(t, Options{CrashPause: pause})
	start(t, c, Run, Spec{Argv: []string{"sleep", "60"}, Reload: &Reload{Argv: []string{"false"}}})
	begun := time.Now()
	for n := range 6 {
		change(t, c)
		reloads(t, c, Run, n+1)
		exited(t, c)
	}
	// From the third crash on, each waits twice as long.
	if took := time.Since(begun); took < pause+2*pause+4*pause {
		t.Errorf("six reloads took %s", took)
	}
}

func TestChangeDuringTheBuildOfAStart(t *testing.T) {
	c := serve(t, DefaultGrace)
	built := time.Now()
	change(t, c) // after the build began that this start is the result of
	start(t, c, Run,
		Spec{Argv: []string{"sleep", "60"}, Sources: &built, Reload: &Reload{Argv: []string{"sleep", "61"}}})
	reloads(t, c, Run, 1)
}

// While the build fails, the old process goes on or is stopped, as is wanted; the next good one starts it again.
func TestBuildOfAReloadFails(t *testing.T) {
	c := serve(t, DefaultGrace)
	for then, stop := range map[string]bool{"goes on": false, "is stopped": true} {
		gate := filepath.Join(t.TempDir(), "good")
		first := start(t, c, Debug, Spec{Argv: []string{"sleep", "60"},
			Reload: &Reload{Build: []string{"test", "-e", gate}, StopOnFailure: stop, Argv: []string{"sleep", "61"}}})
		change(t, c)
		eventually(t, func() error {
			lines := strings.Join(output(t, c, Debug, 2), "\n")
			if s := status(t, c, Debug); (s.State == StateExited) != stop || s.PID != first.PID ||
				!strings.Contains(lines, "hot reload: the build failed (exited with code 1), the old program "+then) {
				return fmt.Errorf("%+v %q", s, lines)
			}
			return nil
		})
		if err := os.WriteFile(gate, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		change(t, c)
		if s := reloads(t, c, Debug, 1); s.State != StateRunning {
			t.Errorf("after a good build: %+v", s)
		}
	}
}

// A program in a process group of its own, as debuggers start theirs, ends with its command; so does what an exited one
// left.
func TestNothingOfASessionIsLeft(t *testing.T) {
	c := serve(t, 100*time.Millisecond)
	for name, script := range map[string]string{
		"a group of its own": "set -m; sleep 1234567 & wait",
		"an exited leader":   "sleep 1234567 &",
	} {
		s := start(t, c, Run, Spec{Argv: []string{"bash", "-c", script}})
		eventually(t, func() error {
			if len(session(s.PID)) == 0 {
				return errors.New(name + ": nothing runs")
			}
			return nil
		})
		if _, err := c.Stop(t.Context(), Run); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() error {
			if left := session(s.PID); len(left) > 0 {
				return fmt.Errorf("%s: %v live on", name, left)
			}
			return nil
		})
	}
}
