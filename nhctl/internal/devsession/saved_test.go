package devsession

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/plan"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs/userdirstest"
	"github.com/nhctl/nhctl/sidecar/filesync"
)

// loadAll reads all saved sessions.
func loadAll(dirs userdirs.Dirs) ([]saved, error) {
	r := registry.New(dirs, quiet())
	r.Register(New(dirs, quiet(), r))
	all, err := r.Stored()
	var states []saved
	for _, s := range all {
		states = append(states, s.(stored).state)
	}
	return states, err
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// savedOf is what a computer keeps of a session.
func savedOf(id string) saved {
	return saved{Record: recordOf(id, "shop"), Roots: []string{"/home/ada/web"}}
}

// sessionsOf are the ids of saved sessions.
func sessionsOf(all []saved) (ids []string) {
	for _, s := range all {
		ids = append(ids, s.Record.Session)
	}
	return ids
}

// A session whose file can't be read is reported and kept aside; all others are there.
func TestUnreadableSession(t *testing.T) {
	t.Parallel()
	dirs := userdirstest.New(t)
	for _, id := range []string{"aaaa0001", "aaaa0003"} {
		if err := save(dirs, savedOf(id)); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dirs.Session("aaaa0002"), session.File)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := loadAll(dirs)
	if diff := cmp.Diff([]string{"aaaa0001", "aaaa0003"}, sessionsOf(all)); diff != "" {
		t.Error(diff)
	}
	if err == nil || !strings.Contains(err.Error(), "saved session aaaa0002") {
		t.Errorf("it says %v", err)
	}
	aside, globErr := filepath.Glob(file + ".unreadable-*")
	if globErr != nil || len(aside) != 1 || !strings.Contains(err.Error(), aside[0]) {
		t.Errorf("kept aside: %v, %v; it says %v", aside, globErr, err)
	}
	if all, err := loadAll(dirs); err != nil || len(all) != 2 {
		t.Errorf("afterwards: %v, %v", sessionsOf(all), err)
	}
}

// Changes at the same moment are all in what is written last, and what is written is whole at every moment.
func TestChangesAtTheSameMoment(t *testing.T) {
	t.Parallel()
	dirs := userdirstest.New(t)
	s := newSession(dirs, quiet(), nil, savedOf("aaaa0001"), nil)
	const writers, changes = 8, 10
	var writing sync.WaitGroup
	for i := range writers {
		writing.Go(func() {
			for range changes {
				forward := func(kept *saved) { kept.Forwards = append(kept.Forwards, rpc.PortPair{Local: i}) }
				if err := s.document.Edit(forward); err != nil {
					t.Error(err)
				}
				if _, err := loadAll(dirs); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	all, err := loadAll(dirs)
	if err != nil || len(all) != 1 || len(all[0].Forwards) != writers*changes {
		t.Errorf("%v, %v", all, err)
	}
}

func TestSavedSessionsSurvive(t *testing.T) {
	t.Parallel()
	dirs := userdirstest.New(t)
	want := saved{
		Record: recordOf("0a1b2c3d", "shop"),
		Token:  []byte{1, 2, 3},
		Origin: session.Origin{Kubeconfig: "/a:/b"},
		State: plan.State{
			Settings: filesync.Settings{Type: filesync.Send},
			Forwards: []rpc.PortPair{{Local: 8080, Remote: 80}},
		},
		Roots: []string{"/home/ada/web"},
	}
	if err := save(dirs, want); err != nil {
		t.Fatal(err)
	}
	got, err := loadAll(dirs)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]saved{want}, got); diff != "" {
		t.Error(diff)
	}
	info, err := os.Stat(filepath.Join(dirs.Session("0a1b2c3d"), session.File))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the token's file has mode %v, %v", info.Mode(), err)
	}
	if err := session.Remove(dirs, "0a1b2c3d"); err != nil {
		t.Fatal(err)
	}
	if left, err := loadAll(dirs); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
