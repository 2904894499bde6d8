package rooted

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// folder makes a root with a file in a folder, links to that folder and to one outside, and a folder outside that has the same file.
func folder(t *testing.T) (root, outside string) {
	t.Helper()
	root, outside = t.TempDir(), t.TempDir()
	for _, err := range []error{
		os.MkdirAll(filepath.Join(root, "a/b"), 0o755),
		os.WriteFile(filepath.Join(root, "a/b/f"), nil, 0o600),
		os.WriteFile(filepath.Join(outside, "f"), nil, 0o600),
		os.Symlink(outside, filepath.Join(root, "out")),
		os.Symlink("a", filepath.Join(root, "in")),
		os.Symlink("f", filepath.Join(root, "a/b/l")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return root, outside
}

func TestEntry(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		name  string
		make  bool
		base  string
		wrong error
		fails string
	}{
		"a file":                {name: "a/b/f", base: "f"},
		"a link itself":         {name: "a/b/l", base: "l"},
		"a link in the root":    {name: "out", base: "out"},
		"nothing, in a folder":  {name: "a/b/none", base: "none"},
		"below a link out":      {name: "out/f", wrong: ErrLink, fails: "out: "},
		"below a link inside":   {name: "in/b/f", wrong: ErrLink, fails: "in: "},
		"below a link to make":  {name: "out/new/f", make: true, wrong: ErrLink},
		"below a file":          {name: "a/b/f/x", wrong: fs.ErrExist},
		"in no folder":          {name: "c/d", wrong: fs.ErrNotExist},
		"in a folder to make":   {name: "c/d/e", make: true, base: "e"},
		"a name that goes up":   {name: "../f", fails: "no name of something below"},
		"a name to itself":      {name: "a/../a/b/f", fails: "no name of something below"},
		"an absolute name":      {name: "/etc/passwd", fails: "no name of something below"},
		"the root itself":       {name: ".", fails: "no name of something below"},
		"nothing":               {name: "", fails: "no name of something below"},
		"below a file, to make": {name: "a/b/f/x", make: true, wrong: fs.ErrExist},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root, _ := folder(t)
			dir, base, err := entry(root, tt.name, tt.make)
			if (err != nil) != (tt.wrong != nil || tt.fails != "") || tt.wrong != nil && !errors.Is(err, tt.wrong) ||
				tt.fails != "" && !strings.Contains(err.Error(), tt.fails) {
				t.Fatalf("%v, want %v %q", err, tt.wrong, tt.fails)
			}
			if err != nil {
				return
			}
			defer dir.Close()
			if base != tt.base {
				t.Errorf("%q, want %q", base, tt.base)
			}
		})
	}
}

func TestRemove(t *testing.T) {
	t.Parallel()
	root, outside := folder(t)
	if err := Remove(root, "out/f"); !errors.Is(err, ErrLink) {
		t.Errorf("through a link: %v", err)
	}
	if err := errors.Join(Remove(root, "a/b/f"), Remove(root, "a/b/l"), Remove(root, "out")); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(filepath.Join(outside, "f")); err != nil {
		t.Error(err)
	}
	if _, err := Lstat(root, "a/b/f"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was removed: %v", err)
	}
}

func TestReach(t *testing.T) {
	t.Parallel()
	root, _ := folder(t)
	for name, want := range map[string]error{"a/b/f": nil, "a/b/l": nil, "out": nil, ".": nil, "c/d/e": nil, "out/f": ErrLink, "out/none/f": ErrLink, "in/b/f": ErrLink} {
		if err := Reach(root, name); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	for _, name := range []string{"../f", "/etc/passwd", ""} {
		if Reach(root, name) == nil {
			t.Errorf("%q is below the root", name)
		}
	}
}
