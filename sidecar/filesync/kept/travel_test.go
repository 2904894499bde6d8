package kept

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/nhctl/nhctl/sidecar/filesync/rooted"
)

const stamp = "20260102T120000.000000000Z"

func TestImport(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		id    string
		fails string
	}{
		"a conflict":            {id: "a/f/" + stamp + ".conflict"},
		"one that had to yield": {id: "f/" + stamp + ".first"},
		"a decided one":         {id: "f/" + stamp + ".replaced", fails: "waits for a decision"},
		"one for a moment":      {id: "f/" + stamp + ".passing", fails: "waits for a decision"},
		"of no path":            {id: stamp + ".conflict", fails: "no version"},
		"of no time":            {id: "f/conflict", fails: "no version"},
		"of a wrong time":       {id: "f/20260102T120000.00000000xZ.conflict", fails: "no version"},
		"a path that goes up":   {id: "../f/" + stamp + ".conflict", fails: "no version"},
		"a path not as short":   {id: "a/../f/" + stamp + ".conflict", fails: "no version"},
		"an absolute path":      {id: "/f/" + stamp + ".conflict", fails: "no version"},
		"below a kept link": {id: "link/" + stamp + ".first/f/" + stamp + ".conflict",
			fails: rooted.ErrLink.Error()},
		"a name with a slash end": {id: "f/" + stamp + ".conflict/", fails: "no version"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, outside, src := t.TempDir(), t.TempDir(), t.TempDir()
			s, err := Open(filepath.Join(dir, "kept"))
			if err != nil {
				t.Fatal(err)
			}
			for _, err := range []error{
				os.MkdirAll(filepath.Join(dir, "kept/link"), 0o700),
				os.Symlink(outside, filepath.Join(dir, "kept/link/"+stamp+".first")),
				os.WriteFile(filepath.Join(src, "f"), []byte("the user's"), 0o600),
				os.MkdirAll(filepath.Join(dir, "kept/a/f"), 0o700),
				os.Link(filepath.Join(src, "f"), filepath.Join(dir, "kept/a/f/"+stamp+".conflict")),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			file, err := s.Import(tt.id, strings.NewReader("the pod's"))
			if (err != nil) != (tt.fails != "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
				t.Fatalf("%v, want %q", err, tt.fails)
			}
			if data, err := os.ReadFile(file); err != nil && tt.fails == "" || err == nil &&
				string(data) != "the pod's" {
				t.Errorf("%q, %v", data, err)
			}
			if data, err := os.ReadFile(filepath.Join(src, "f")); err != nil || string(data) != "the user's" {
				t.Errorf("a file that the store has another name of: %q, %v", data, err)
			}
			if there, err := os.ReadDir(outside); err != nil || len(there) > 0 {
				t.Errorf("outside: %v, %v", there, err)
			}
		})
	}
}

// A version that breaks off is not added.
func TestImportBreaksOff(t *testing.T) {
	t.Parallel()
	s, err := Open(filepath.Join(t.TempDir(), "kept"))
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if _, err := s.Import("f/"+stamp+".conflict",
		io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if all, err := s.List(""); err != nil || len(all) > 0 || s.Conflicts() > 0 {
		t.Errorf("half a version: %v, %d conflicts, %v", all, s.Conflicts(), err)
	}
}

// Neither a version's place nor what it is of is reached through a link.
func TestNothingThroughLinks(t *testing.T) {
	t.Parallel()
	root, outside := t.TempDir(), t.TempDir()
	s, err := Open(filepath.Join(t.TempDir(), "kept"))
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.WriteFile(filepath.Join(root, "f"), []byte("x"), 0o600),
		os.WriteFile(filepath.Join(outside, "key"), []byte("x"), 0o600),
		os.Symlink(outside, filepath.Join(root, "out")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	v, err := s.Keep(root, "f", "f", Deleted)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Restore(v, root, "out/f"); !errors.Is(err, rooted.ErrLink) {
		t.Errorf("restored through a link: %v", err)
	}
	if _, err := s.Keep(root, "out/key", "out/key", Deleted); !errors.Is(err, rooted.ErrLink) {
		t.Errorf("kept through a link: %v", err)
	}
	link, err := s.Keep(root, "out", "out", Deleted) // a link itself is a version
	if err != nil {
		t.Fatal(err)
	}
	if all, err := s.List("out"); err != nil || len(all) != 1 || all[0].Target != outside {
		t.Errorf("a version that is a link: %+v, %v", all, err)
	}
	if _, err := s.Keep(root, "f", link.ID+"/f", Deleted); !errors.Is(err, rooted.ErrLink) {
		t.Errorf("kept below a version that is a link: %v", err)
	}
	if _, _, err := s.Read(link.ID + "/key"); !errors.Is(err, rooted.ErrLink) {
		t.Errorf("read through a version that is a link: %v", err)
	}
	if there, err := os.ReadDir(outside); err != nil || len(there) != 1 {
		t.Errorf("outside: %v, %v", there, err)
	}
}

// A version is found by its id, and nothing else is.
func TestFind(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	s, err := Open(filepath.Join(t.TempDir(), "kept"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "f"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	want, err := s.Keep(root, "f", "f", Replaced)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Find(want.ID); err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	passing, err := s.Keep(root, "f", "g", Passing)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{passing.ID, "f/" + stamp + ".replaced", "../kept/" + want.ID, "f", ""} {
		if v, err := s.Find(id); err == nil {
			t.Errorf("%q is %+v", id, v)
		}
	}
}
