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

func format(version int) Format { return Format{Kind: "test", Version: version} }

func TestWriteAndRead(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "made", "state.json")
	var got []string
	if err := Read(file, format(1), &got); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before it is written: %v", err)
	}
	for _, want := range [][]string{{"a", "b"}, {"c"}} {
		if err := Write(file, format(1), want); err != nil {
			t.Fatal(err)
		}
		got = nil
		if err := Read(file, format(1), &got); err != nil {
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
		"another kind":   {`{"kind": "other", "version": 2, "data": ["a"]}`, `its kind is "other", not "test"`, false},
		"another kind, newer": {
			`{"kind": "other", "version": 3, "data": ["a"]}`, "a newer nhctl wrote it", true},
		"its own kind, newer": {
			`{"kind": "test", "version": 3, "data": ["a"]}`, "a newer nhctl wrote it", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "state.json")
			if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			var got []string
			err := Read(file, format(2), &got)
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
				if err := Write(file, format(1), strings.Repeat("x", 1000*i+round)); err != nil {
					t.Error(err)
				}
			})
		}
		writers.Wait()
		var got string
		if err := Read(file, format(1), &got); err != nil {
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
	if err := Write(file, format(1), "old"); err != nil {
		t.Fatal(err)
	}
	if err := Write(file, format(1), func() {}); err == nil {
		t.Error("a function was written")
	}
	var got string
	if err := Read(file, format(1), &got); err != nil || got != "old" {
		t.Errorf("%q, %v", got, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// A document of a build that knew no kinds is read, and gets its kind when it is written.
func TestDocumentWithoutKind(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.json")
	if err := os.WriteFile(file, []byte(`{"version": 1, "data": "old"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var got string
	if err := Read(file, format(1), &got); err != nil || got != "old" {
		t.Errorf("%q, %v", got, err)
	}
	if err := Write(file, format(1), got); err != nil {
		t.Fatal(err)
	}
	if kind, err := Kind(file); err != nil || kind != "test" {
		t.Errorf("its kind is %q, %v", kind, err)
	}
}

// What a newer build has added survives a rewrite, at any depth; what this one has emptied does not come back.
func TestUnknownFieldsSurvive(t *testing.T) {
	t.Parallel()
	type port struct {
		Name  string `json:"name"`
		Local int    `json:"local"`
	}
	type state struct {
		Name  string          `json:"name"`
		Count []int           `json:"count,omitempty"`
		Ports []port          `json:"ports,omitempty"`
		Roots map[string]port `json:"roots,omitempty"`
	}
	file := filepath.Join(t.TempDir(), "state.json")
	text := `{"kind": "test", "version": 1, "writer": "v9", "data": {"name": "a", "count": [80], "color": {"r": 1},
		"ports": [{"name": "web", "local": 80, "tls": true}, {"name": "old", "tls": true}],
		"roots": {"a": {"local": 1, "tls": [2]}, "b": {"tls": 3}}}}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	now := state{Name: "b", Ports: []port{{"new", 1}, {"web", 81}}, Roots: map[string]port{"a": {"x", 2}}}
	for range 2 {
		if err := Write(file, format(1), now); err != nil {
			t.Fatal(err)
		}
	}
	want := `{
  "kind": "test",
  "version": 1,
  "data": {
    "name": "b",
    "ports": [
      {
        "name": "new",
        "local": 1
      },
      {
        "name": "web",
        "local": 81,
        "tls": true
      }
    ],
    "roots": {
      "a": {
        "name": "x",
        "local": 2,
        "tls": [
          2
        ]
      }
    },
    "color": {
      "r": 1
    }
  },
  "writer": "v9"
}
`
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

// A document of a newer version is not written over.
func TestNewerIsLeftAlone(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.json")
	text := `{"kind": "test", "version": 2, "data": "new"}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Write(file, format(1), "old"); err == nil || !strings.Contains(err.Error(), "a newer nhctl wrote it") {
		t.Errorf("written: %v", err)
	}
	if now, err := os.ReadFile(file); err != nil || string(now) != text {
		t.Errorf("%s, %v", now, err)
	}
}
