package devsession_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/nhctl/nhctl/nhctl/internal/cli/dev/list"
	"github.com/nhctl/nhctl/nhctl/internal/cli/dev/status"
	syncstatus "github.com/nhctl/nhctl/nhctl/internal/cli/dev/sync/status"
	"github.com/nhctl/nhctl/nhctl/internal/cli/factory"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/sessiontest"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

// watching is a command that runs until its test ends.
type watching struct {
	t *testing.T
	// lines are what it prints. Someone has to read them: the command waits for that.
	lines *bufio.Reader
	// ended gets the command's error.
	ended     <-chan error
	interrupt func()
}

// watch runs a command with --watch for a shell, with an output format of ui's.
func watch(
	t *testing.T, shell *sessiontest.Shell, output ui.Format, command func(*factory.Factory) *cobra.Command,
	flags ...string,
) *watching {
	t.Helper()
	reader, writer := io.Pipe()
	f := &factory.Factory{
		Streams:    ui.Streams{In: strings.NewReader(""), Out: writer, Err: io.Discard},
		Dir:        shell.Caller.Dir,
		Kubeconfig: shell.Caller.Kubeconfig,
		Output:     string(output),
	}
	for name, value := range shell.Caller.Env {
		f.Environ = append(f.Environ, name+"="+value)
	}
	cmd := command(f)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(append(flags, "--watch"))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		defer writer.Close()
		ended <- cmd.ExecuteContext(ctx)
	}()
	w := &watching{
		t:         t,
		lines:     bufio.NewReader(reader),
		ended:     ended,
		interrupt: func() { cancel(); reader.Close() },
	}
	t.Cleanup(w.interrupt)
	return w
}

// stop ends the command as Ctrl-C does, which is no error.
func (w *watching) stop() {
	w.t.Helper()
	w.interrupt()
	if err := <-w.ended; err != nil {
		w.t.Errorf("Ctrl-C: %v", err)
	}
}

// shows reads lines of JSON until one is right.
func shows[T any](w *watching, right func(T) bool) {
	w.t.Helper()
	for {
		line, err := w.lines.ReadBytes('\n')
		if err != nil {
			w.t.Fatal(err)
		}
		var v T
		if err := json.Unmarshal(line, &v); err != nil {
			w.t.Fatalf("%s: %v", line, err)
		}
		if right(v) {
			return
		}
	}
}

// A watched list has a session from its start to its end, a line with the whole list at a time; so does another
// developer's, for whom it is not theirs.
func TestWatchedList(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "true")
	bob := sessiontest.NewComputer(t, "bob").Shell(cluster, "bob", "true")
	hers := watch(t, ada, ui.JSON, list.New)
	his := watch(t, bob, ui.JSON, list.New)
	none := func(all []rpc.Session) bool { return len(all) == 0 }
	active := func(mine bool) func([]rpc.Session) bool {
		return func(all []rpc.Session) bool {
			return len(all) == 1 && all[0].Phase == "active" && all[0].Mine == mine && all[0].Live == mine
		}
	}
	shows(hers, none)
	shows(his, none)
	ada.MustStart()
	shows(hers, active(true))
	shows(his, active(false))
	if _, err := ada.End(); err != nil {
		t.Fatal(err)
	}
	shows(hers, none)
	shows(his, none)
	hers.stop()
	his.stop()
}

// As text, it is the table that the command prints without --watch, again and again.
func TestWatchedListAsText(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "true")
	session := ada.MustStart()
	for flag, want := range map[string]string{"": "SESSION", "--all-clusters": "CONTEXT"} {
		w := watch(t, ada, ui.Text, list.New, strings.Fields(flag)...)
		head, err := w.lines.ReadString('\n')
		row, rowErr := w.lines.ReadString('\n')
		if err != nil || rowErr != nil || !strings.HasPrefix(head, want) || !strings.Contains(row, session.ID) {
			t.Errorf("%s: %q, %q, %v, %v", flag, head, row, err, rowErr)
		}
		w.stop()
	}
	if _, err := ada.End(); err != nil {
		t.Error(err)
	}
}

// Watched, a status has each change of the session and its program, and sync's each change of the folder; both end with
// the session, which is an error.
func TestWatchedStatus(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "exec sleep 1000")
	ada.Write("main.go", "package main")
	ada.MustStart()
	states := watch(t, ada, ui.JSON, status.New)
	folders := watch(t, ada, ui.JSON, syncstatus.New)
	command := func(state string) func(rpc.Session) bool {
		return func(s rpc.Session) bool { return len(s.Commands) == 1 && s.Commands[0].State == state }
	}
	shows(states, command("none"))
	shows(folders, func(all []event.SyncData) bool { return len(all) == 1 && all[0].Folder == ada.Folder })
	if err := ada.Call(rpc.MethodRun, rpc.Run{Target: ada.Target()}, nil); err != nil {
		t.Fatal(err)
	}
	shows(states, command("running"))
	ada.Write("next.go", "package main")
	shows(folders, func(all []event.SyncData) bool {
		return all[0].LastSave != nil && all[0].LastSave.Path == "next.go"
	})
	go func() { _, _ = io.Copy(io.Discard, states.lines) }()
	go func() { _, _ = io.Copy(io.Discard, folders.lines) }()
	if _, err := ada.End(); err != nil {
		t.Fatal(err)
	}
	for name, w := range map[string]*watching{"status": states, "sync": folders} {
		if err := <-w.ended; err == nil || problem.From(err).Code != problem.NoSession {
			t.Errorf("%s: %v", name, err)
		}
	}
}
