package rooted

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// folder makes a root with a file in a folder, links to that folder and to one outside, and a folder outside that has
// the same file.
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

func TestOpen(t *testing.T) {
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
		"below a file":          {name: "a/b/f/x", wrong: syscall.ENOTDIR},
		"in no folder":          {name: "c/d", wrong: fs.ErrNotExist},
		"in a folder to make":   {name: "c/d/e", make: true, base: "e"},
		"a name that goes up":   {name: "../f", fails: "no name of something below"},
		"a name to itself":      {name: "a/../a/b/f", fails: "no name of something below"},
		"an absolute name":      {name: "/etc/passwd", fails: "no name of something below"},
		"the root itself":       {name: ".", fails: "no name of something below"},
		"nothing":               {name: "", fails: "no name of something below"},
		"below a file, to make": {name: "a/b/f/x", make: true, wrong: syscall.ENOTDIR},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root, _ := folder(t)
			e, err := open(root, tt.name, tt.make)
			if (err != nil) != (tt.wrong != nil || tt.fails != "") || tt.wrong != nil && !errors.Is(err, tt.wrong) ||
				tt.fails != "" && !strings.Contains(err.Error(), tt.fails) {
				t.Fatalf("%v, want %v %q", err, tt.wrong, tt.fails)
			}
			if err != nil {
				return
			}
			defer e.Close()
			if e.Name != tt.base || e.Path != filepath.FromSlash(tt.name) {
				t.Errorf("%q, %q, want %q, %q", e.Name, e.Path, tt.base, tt.name)
			}
		})
	}
}

// At once and step by step the same directories are opened, and the same refused.
func TestOpenAtOnce(t *testing.T) {
	t.Parallel()
	root, _ := folder(t)
	if _, err := openAtOnce(root, "a"); err != nil {
		t.Skipf("this system can't: %v", err)
	}
	for name, opens := range map[string]bool{"a": true, "a/b": true, "out": false, "in": false, "in/b": false,
		"a/b/f": false, "a/b/l": false, "none": false} {
		name = filepath.FromSlash(name)
		quick, err := openAtOnce(root, name)
		if (err == nil) != opens {
			t.Errorf("%s at once: %v", name, err)
		}
		slow, slowErr := walk(root, name, false)
		if (slowErr == nil) != opens {
			t.Errorf("%s step by step: %v", name, slowErr)
		}
		if err != nil || slowErr != nil {
			continue
		}
		a, err := quick.Stat(".")
		b, err2 := slow.Stat(".")
		if err := errors.Join(err, err2, quick.Close(), slow.Close()); err != nil || !os.SameFile(a, b) {
			t.Errorf("%s: two directories: %v", name, err)
		}
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

// Whatever takes the place of a directory after it was opened: what is done to an entry is done in the directory that
// was opened.
func TestEntryStaysInItsDirectory(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, do := range map[string]func(file, temporary Entry) error{
		"chmod":    func(file, _ Entry) error { return file.Chmod(0o644) },
		"chtimes":  func(file, _ Entry) error { return file.Chtimes(now, now) },
		"remove":   func(file, _ Entry) error { return file.Remove() },
		"rename":   func(file, temporary Entry) error { return temporary.Rename(file) },
		"exchange": func(file, temporary Entry) error { return temporary.Exchange(file) },
		"move":     func(file, temporary Entry) error { return temporary.MoveNew(file.Sibling("new")) },
		"link":     func(file, _ Entry) error { return file.Link(file.Sibling("new")) },
		"link as a file system without the call": func(file, temporary Entry) error {
			return temporary.linkNew(file.Sibling("new"))
		},
		"make": func(file, _ Entry) error { return file.Dir.Mkdir("new", 0o755) },
		"write": func(file, _ Entry) error {
			f, err := file.OpenFile(os.O_WRONLY|os.O_TRUNC, 0)
			if err == nil {
				_, err = f.WriteString("written")
				f.Close()
			}
			return err
		},
		"create": func(file, _ Entry) error {
			f, err := file.Sibling("new").OpenFile(os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err == nil {
				f.Close()
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root, outside := folder(t)
			write := func(dir, name, text string) {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			write(root, "a/b/t", "temporary")
			write(outside, "t", "outside")
			before := tree(t, outside)
			file, temporary, release, err := OpenBoth(root, filepath.Join("a", "b", "f"), filepath.Join("a", "b", "t"))
			if err != nil {
				t.Fatal(err)
			}
			defer release()
			if err := errors.Join(os.Rename(filepath.Join(root, "a"), filepath.Join(root, "was")),
				os.Mkdir(filepath.Join(root, "a"), 0o755),
				os.Symlink(outside, filepath.Join(root, "a/b"))); err != nil {
				t.Fatal(err)
			}
			was := tree(t, filepath.Join(root, "was/b"))
			err = do(file, temporary)
			if errors.Is(err, errors.ErrUnsupported) {
				t.Skip("this file system can't")
			}
			if err != nil {
				t.Error(err)
			}
			if after := tree(t, outside); after != before {
				t.Errorf("outside there is\n%s, instead of\n%s", after, before)
			}
			if tree(t, filepath.Join(root, "was/b")) == was {
				t.Error("nothing was done")
			}
		})
	}
}

// tree describes what is in a directory.
func tree(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		text, _ := os.ReadFile(filepath.Join(dir, e.Name()))
		fmt.Fprintf(&all, "%s %s %s %q\n", e.Name(), info.Mode(), info.ModTime(), text)
	}
	return all.String()
}

func TestRenameBetweenDirectories(t *testing.T) {
	t.Parallel()
	root, _ := folder(t)
	if err := os.Mkdir(filepath.Join(root, "c"), 0o755); err != nil {
		t.Fatal(err)
	}
	from, to, release, err := OpenBoth(root, filepath.Join("a", "b", "f"), filepath.Join("c", "g"))
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if err := errors.Join(from.Rename(to), to.MoveNew(from), from.Link(to)); err != nil {
		t.Error(err)
	}
	if err := to.MoveNew(from); !errors.Is(err, fs.ErrExist) {
		t.Errorf("moved to where something is: %v", err)
	}
	for name, want := range map[string]error{"out/f": ErrLink, "c/none/f": fs.ErrNotExist, "a/b/..": nil, "..": nil,
		".": nil} {
		_, _, _, err := OpenBoth(root, "a/b/f", name)
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("the other is %s: %v", name, err)
		}
	}
}
