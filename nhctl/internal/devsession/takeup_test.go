package devsession_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/sessiontest"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/tunnel/tunneltest"
)

// The next daemon takes up the sessions of the one before, however that ended, with what was saved in the meantime and
// the ports that were open.
func TestNextDaemonTakesUpSessions(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*sessiontest.Shell){
		"stopped": func(ada *sessiontest.Shell) { ada.StopDaemon() },
		"replaced by a newer build": func(ada *sessiontest.Shell) {
			if err := ada.Call(rpc.MethodReplace, nil, nil); err != nil {
				t.Error(err)
			}
			ada.AwaitDaemonsEnd()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := sessiontest.New(t)
			ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "true")
			begun := ada.MustStart()
			port := rpc.PortPair{Local: tunneltest.FreePort(t), Remote: 80}
			open := rpc.Forward{Target: ada.Target(), Open: []rpc.PortPair{port}}
			if err := ada.Call(rpc.MethodForward, open, nil); err != nil {
				t.Fatal(err)
			}
			before, err := ada.Status()
			if err != nil {
				t.Fatal(err)
			}
			end(ada)
			ada.Write("saved.txt", "while no daemon ran")
			ada.StartDaemon()
			var after rpc.Session
			sessiontest.Until(t, "the session is connected again", func() (err error) {
				if after, err = ada.Status(); err == nil && after.Link.State != "up" {
					err = errors.New(after.Link.Reason)
				}
				return err
			})
			if after.ID != begun.ID || !after.Live {
				t.Errorf("taken up: %+v", after)
			}
			if diff := cmp.Diff(before.Forwards, after.Forwards); diff != "" || len(after.Forwards) != 1 {
				t.Errorf("forwarded ports: %s", diff)
			}
			ada.Holds(cluster.Pod(begun.ID).Sources(), "saved.txt", "while no daemon ran")
			if _, err := ada.End(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A session whose end was cut short with its daemon is put back by the next one.
func TestNextDaemonPutsBack(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	before := cluster.Snapshot(sessiontest.Namespace)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "true")
	begun := ada.MustStart()
	ada.StopDaemon()
	file := filepath.Join(ada.Dirs.Session(begun.ID), session.File)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	leaving := bytes.ReplaceAll(text, []byte(`"active"`), []byte(`"leaving"`))
	if bytes.Equal(leaving, text) {
		t.Fatalf("no active session in %s", text)
	}
	if err := os.WriteFile(file, leaving, 0o600); err != nil {
		t.Fatal(err)
	}
	ada.StartDaemon()
	ada.List()
	sessiontest.Until(t, "the session is put back", func() error {
		if _, err := os.Stat(file); err == nil {
			return errors.New("its state is still there")
		}
		return nil
	})
	cluster.Restored(before)
}

// A session that was ended from elsewhere while no daemon ran is dropped, and the next command says so.
func TestSessionThatEndedInTheMeantime(t *testing.T) {
	t.Parallel()
	cluster := sessiontest.New(t)
	ada := sessiontest.NewComputer(t, "ada").Shell(cluster, "ada", "true")
	begun := ada.MustStart()
	ada.StopDaemon()
	loseLeases(cluster)
	ada.StartDaemon()
	hears(t, ada, "the session was ended from elsewhere")
	if s, err := ada.Status(); err == nil {
		t.Errorf("it is served: %+v", s)
	}
	if _, err := os.Stat(ada.Dirs.Session(begun.ID)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its state: %v", err)
	}
}
