package status_test

import (
	"io"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/cli/dev/status"
	syncstatus "github.com/nhctl/nhctl/nhctl/internal/cli/dev/sync/status"
	"github.com/nhctl/nhctl/nhctl/internal/cli/watch/watchtest"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/sessiontest"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/ui"
)

func TestMain(m *testing.M) { sessiontest.Main(m) }

// Watched, a status has each change of the session and its program, and sync's each change of the folder; both end with
// the session, which is an error.
func TestWatch(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "exec sleep 1000")
	ada.Write("main.go", "package main")
	ada.MustStart()
	states := watchtest.Run(t, ada.Caller, ui.JSON, status.New)
	folders := watchtest.Run(t, ada.Caller, ui.JSON, syncstatus.New)
	command := func(state string) func(rpc.Session) bool {
		return func(s rpc.Session) bool { return len(s.Commands) == 1 && s.Commands[0].State == state }
	}
	watchtest.Until(t, states, command("none"))
	watchtest.Until(t, folders, func(all []event.SyncData) bool { return len(all) == 1 && all[0].Folder == ada.Folder })
	if err := ada.Call(rpc.MethodRun, rpc.Run{Target: ada.Target()}, nil); err != nil {
		t.Fatal(err)
	}
	watchtest.Until(t, states, command("running"))
	ada.Write("next.go", "package main")
	watchtest.Until(t, folders, func(all []event.SyncData) bool {
		return all[0].LastSave != nil && all[0].LastSave.Path == "next.go"
	})
	go func() { _, _ = io.Copy(io.Discard, states.Lines) }()
	go func() { _, _ = io.Copy(io.Discard, folders.Lines) }()
	if _, err := ada.End(); err != nil {
		t.Fatal(err)
	}
	for name, w := range map[string]*watchtest.Watching{"status": states, "sync": folders} {
		if err := <-w.Ended; err == nil || problem.From(err).Code != problem.NoSession {
			t.Errorf("%s: %v", name, err)
		}
	}
}
