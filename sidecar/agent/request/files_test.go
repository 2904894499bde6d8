package request

import (
	"bytes"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree is one with every kind of entry.
func tree() Tree {
	return Tree{Path: "/etc/web", Entries: []Entry{
		{Path: ".", Mode: fs.ModeDir | 0o755},
		{Path: "..v1", Mode: fs.ModeDir | 0o755},
		{Path: "..v1/color", Mode: 0o440, Data: []byte("blue")},
		{Path: "..data", Mode: fs.ModeSymlink | 0o777, Target: "..v1"},
		{Path: "color", Mode: fs.ModeSymlink | 0o777, Target: "..data/color"},
		{Path: "..v1/up", Mode: fs.ModeSymlink | 0o777, Target: "../color"},
	}}
}

func TestFilesSurvive(t *testing.T) {
	t.Parallel()
	one := Tree{Path: "/one.conf", Entries: []Entry{{Path: ".", Mode: 0o444, Data: []byte("one")}}}
	want := Files{Trees: []Tree{tree(), one, {Path: "/large", Problem: "it is too large"}}}
	var b bytes.Buffer
	if err := WriteFiles(&b, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadFiles(&b)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

// A pod may send anything: nothing of it leads out of its tree, nor is more than there may be.
func TestForgedFiles(t *testing.T) {
	t.Parallel()
	entry := func(e Entry) func(*Files) {
		return func(f *Files) { f.Trees[0].Entries = append(f.Trees[0].Entries, e) }
	}
	link := func(at, to string) func(*Files) {
		return entry(Entry{Path: at, Mode: fs.ModeSymlink | 0o777, Target: to})
	}
	for name, forge := range map[string]func(*Files){
		"a relative tree":         func(f *Files) { f.Trees[0].Path = "etc/web" },
		"the root":                func(f *Files) { f.Trees[0].Path = "/" },
		"a path that goes up":     func(f *Files) { f.Trees[0].Path = "/etc/../web" },
		"a line":                  func(f *Files) { f.Trees[0].Path = "/etc/a\nb" },
		"a long path":             func(f *Files) { f.Trees[0].Path = "/" + strings.Repeat("a", MaxPath) },
		"a tree twice":            func(f *Files) { f.Trees = append(f.Trees, tree()) },
		"a tree in a tree":        func(f *Files) { f.Trees = append(f.Trees, Tree{Path: "/etc/web/x", Problem: "x"}) },
		"too many trees":          func(f *Files) { f.Trees = make([]Tree, MaxTrees+1) },
		"no entries":              func(f *Files) { f.Trees[0].Entries = nil },
		"no entry of its own":     func(f *Files) { f.Trees[0].Entries = f.Trees[0].Entries[1:] },
		"a tree that is a link":   func(f *Files) { f.Trees[0].Entries[0].Mode = fs.ModeSymlink },
		"too many entries":        func(f *Files) { f.Trees[0].Entries = make([]Entry, MaxEntries+1) },
		"an entry that goes up":   entry(Entry{Path: "../x"}),
		"one in the middle":       entry(Entry{Path: "..v1/../../x"}),
		"an absolute entry":       entry(Entry{Path: "/x"}),
		"an entry twice":          entry(Entry{Path: "color"}),
		"the tree itself twice":   entry(Entry{Path: "."}),
		"no directory":            entry(Entry{Path: "none/x"}),
		"a file as a directory":   entry(Entry{Path: "..v1/color/x"}),
		"a link as a directory":   entry(Entry{Path: "..data/x"}),
		"a device":                entry(Entry{Path: "x", Mode: fs.ModeDevice | 0o666}),
		"a setuid program":        entry(Entry{Path: "x", Mode: fs.ModeSetuid | 0o777}),
		"an absolute link":        link("x", "/etc/passwd"),
		"a link that leads out":   link("x", "../passwd"),
		"one in a directory":      link("..v1/x", "../../passwd"),
		"one with a detour":       link("x", "..v1/../../passwd"),
		"a link to nothing":       link("x", ""),
		"a link with a line":      link("x", "a\nb"),
		"more content than is ok": entry(Entry{Path: "x", Data: make([]byte, MaxContent)}),
	} {
		f := Files{Trees: []Tree{tree()}}
		forge(&f)
		if err := f.Check(); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// Whatever bytes come, what is accepted stays inside.
func FuzzReadFiles(f *testing.F) {
	var b bytes.Buffer
	_ = WriteFiles(&b, Files{Trees: []Tree{tree()}})
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := ReadFiles(bytes.NewReader(data))
		if err != nil {
			return
		}
		for _, tree := range got.Trees {
			for _, e := range tree.Entries {
				if !filepath.IsLocal(e.Path) || e.Target != "" && e.Mode&fs.ModeSymlink != 0 &&
					!filepath.IsLocal(path.Join(path.Dir(e.Path), e.Target)) {
					t.Errorf("%+v", e)
				}
			}
		}
	})
}
