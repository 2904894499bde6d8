package registry

import (
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/userdirs/userdirstest"
)

// A history that can't be read is kept aside, and a new one begins.
func TestUnreadableHistory(t *testing.T) {
	t.Parallel()
	dirs := userdirstest.New(t)
	r := New(dirs, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err := os.WriteFile(dirs.History(), []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.Remember(Ended{Session: "aaaa0001", Namespace: "shop", Why: "why"})
	all, err := r.History()
	for i := range all {
		all[i].Time = time.Time{}
	}
	if diff := cmp.Diff([]Ended{{Session: "aaaa0001", Namespace: "shop", Why: "why"}}, all); diff != "" || err != nil {
		t.Error(diff, err)
	}
	aside, err := filepath.Glob(dirs.History() + ".unreadable-*")
	if err != nil || len(aside) != 1 {
		t.Fatal(aside, err)
	}
	if text, err := os.ReadFile(aside[0]); err != nil || string(text) != "torn" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := os.Stat(dirs.History()); errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// A session ends once, and no call finds it missing before the history says why.
func TestOver(t *testing.T) {
	t.Parallel()
	r := New(userdirstest.New(t), slog.New(slog.NewTextHandler(io.Discard, nil)))
	s := fakeSession{id: "aaaa0001"}
	r.Add(s)
	missing := make(chan []Ended)
	go func() {
		for len(r.Live()) > 0 {
			runtime.Gosched()
		}
		all, err := r.History()
		if err != nil {
			t.Error(err)
		}
		missing <- all
	}()
	ended := Ended{Session: s.id, Namespace: "shop", Why: "why"}
	if !r.Over(s, ended) || r.Over(s, ended) {
		t.Error("it did not end once")
	}
	if all := <-missing; len(all) != 1 || all[0].Session != s.id {
		t.Errorf("once it was missing, the history had %+v", all)
	}
	if all, err := r.History(); len(all) != 1 || err != nil {
		t.Errorf("%+v, %v", all, err)
	}
}
