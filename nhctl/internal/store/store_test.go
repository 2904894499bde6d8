package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWriteAndRead(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "made", "state.json")
	var got []string
	if err := Read(file, 1, &got); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before it is written: %v", err)
	}
	for _, want := range [][]string{{"a", "b"}, {"c"}} {
		if err := Write(file, 1, want); err != nil {
			t.Fatal(err)
		}
		got = nil
		if err := Read(file, 1, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	for path, want := range map[string]fs.FileMode{file: 0o600, filepath.Dir(file): 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", path, info.Mode(), err, want)
		}
	}
}

// What can't be read is never lost, and is out of the way afterwards.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text, says string
		stays      bool
	}{
		"empty":          {"", "unexpected end", false},
		"torn":           {`{"version": 2, "data": ["a", "`, "unexpected end", false},
		"other contents": {`{"version": 2, "data": {"a": 1}}`, "cannot unmarshal", false},
		"no envelope":    {`["a"]`, "cannot unmarshal", false},
		"older":          {`{"version": 1, "data": ["a"]}`, "an older nhctl wrote it", false},
		"newer":          {`{"version": 3, "data": ["a"]}`, "a newer nhctl wrote it", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "state.json")
			if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			var got []string
			err := Read(file, 2, &got)
			var unreadable *Unreadable
			if !errors.As(err, &unreadable) || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("%v, want %q in it", err, tt.says)
			}
			where := unreadable.Kept
			if tt.stays {
				where = file
			} else if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("it is still there: %v", err)
			}
			if text, err := os.ReadFile(where); err != nil || string(text) != tt.text {
				t.Errorf("%s: %q, %v", where, text, err)
			}
		})
	}
}

// Writers at the same moment leave one of their documents, whole, and nothing else.
func TestWritersAtTheSameMoment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "state.json")
	for round := range 20 {
		var writers sync.WaitGroup
		for i := range 8 {
			writers.Go(func() {
				if err := Write(file, 1, strings.Repeat("x", 1000*i+round)); err != nil {
					t.Error(err)
				}
			})
		}
		writers.Wait()
		var got string
		if err := Read(file, 1, &got); err != nil {
			t.Fatal(fmt.Errorf("round %d: %w", round, err))
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// What can't be written leaves the old document.
func TestWriteFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "state.json")
	if err := Write(file, 1, "old"); err != nil {
		t.Fatal(err)
	}
	if err := Write(file, 1, func() {}); err == nil {
		t.Error("a function was written")
	}
	var got string
	if err := Read(file, 1, &got); err != nil || got != "old" {
		t.Errorf("%q, %v", got, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
