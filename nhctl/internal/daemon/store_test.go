package daemon

import (
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devmode"
)

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
	p := paths(t)
	for _, id := range []string{"aaaa0001", "aaaa0003"} {
		if err := p.save(savedOf(id)); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(p.session("aaaa0002"), savedFile)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := p.load()
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
	if all, err := p.load(); err != nil || len(all) != 2 {
		t.Errorf("afterwards: %v, %v", sessionsOf(all), err)
	}
}

// Changes at the same moment are all in what is written last, and what is written is whole at every moment.
func TestChangesAtTheSameMoment(t *testing.T) {
	t.Parallel()
	p := paths(t)
	s := newSession(p, slog.New(slog.NewTextHandler(io.Discard, nil)), nil, savedOf("aaaa0001"), nil)
	const writers, changes = 8, 10
	var writing sync.WaitGroup
	for i := range writers {
		writing.Go(func() {
			for range changes {
				if err := s.keep(func(kept *saved) { kept.Forwards = append(kept.Forwards, rpc.PortPair{Local: i}) }); err != nil {
					t.Error(err)
				}
				if _, err := p.load(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	all, err := p.load()
	if err != nil || len(all) != 1 || len(all[0].Forwards) != writers*changes {
		t.Errorf("%v, %v", all, err)
	}
}

// A history that can't be read is kept aside, and a new one begins.
func TestUnreadableHistory(t *testing.T) {
	t.Parallel()
	d := &Daemon{paths: paths(t), logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
	if err := os.WriteFile(d.paths.past(), []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.remember(devmode.Record{Session: "aaaa0001", Namespace: "shop"}, "why")
	all, err := d.paths.history()
	for i := range all {
		all[i].Time = time.Time{}
	}
	if diff := cmp.Diff([]past{{Session: "aaaa0001", Namespace: "shop", Why: "why"}}, all); diff != "" || err != nil {
		t.Error(diff, err)
	}
	aside, err := filepath.Glob(d.paths.past() + ".unreadable-*")
	if err != nil || len(aside) != 1 {
		t.Fatal(aside, err)
	}
	if text, err := os.ReadFile(aside[0]); err != nil || string(text) != "torn" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := os.Stat(d.paths.past()); errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
