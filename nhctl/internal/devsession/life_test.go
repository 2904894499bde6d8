package devsession_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/devsession/sessiontest"
)

func TestMain(m *testing.M) { sessiontest.Main(m) }

// A session from its start to its end: the twin stands in for the original, a save gets into the pod, a file of the pod
// gets here, and in the end the cluster is as before.
func TestSession(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	before := cluster.Snapshot(sessiontest.Namespace)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "true")
	ada.Write("main.go", "package main")
	session := ada.MustStart()
	pod := cluster.Pod(session.ID)
	ada.Holds(pod.Sources(), "main.go", "package main")
	if n := *cluster.Web().Spec.Replicas; n != 0 {
		t.Errorf("the original has %d replicas", n)
	}
	ada.Write("main.go", "package main // saved")
	ada.Holds(pod.Sources(), "main.go", "package main // saved")
	if err := os.WriteFile(filepath.Join(pod.Sources(), "generated.go"), []byte("generated"), 0o644); err != nil {
		t.Fatal(err)
	}
	ada.Holds(ada.Folder, "generated.go", "generated")

	status, err := ada.Status()
	if err != nil {
		t.Fatal(err)
	}
	if status.ID != session.ID || !status.Live || !status.Mine || status.Phase != "active" || status.Pod != pod.Name {
		t.Errorf("status: %+v", status)
	}
	if again := ada.MustStart(); again.ID != session.ID || !again.Reattached {
		t.Errorf("started again: %+v", again)
	}
	if ended, err := ada.End(); err != nil || len(ended.Sessions) != 1 || ended.Sessions[0].ID != session.ID {
		t.Errorf("ended: %+v, %v", ended, err)
	}
	cluster.Restored(before)
	if all := ada.List(); len(all) != 0 {
		t.Errorf("sessions: %+v", all)
	}
	if _, err := os.Stat(ada.Dirs.Session(session.ID)); !os.IsNotExist(err) {
		t.Errorf("the session's state on the computer: %v", err)
	}
}
