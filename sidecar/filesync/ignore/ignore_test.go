package ignore

import (
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func makeTree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// gitIgnored asks git itself which files of a tree it ignores.
func gitIgnored(t *testing.T, root string) []string {
	t.Helper()
	for _, args := range [][]string{{"init", "-q"}, {"ls-files", "-o", "-i", "--exclude-standard"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "HOME="+root, "GIT_CONFIG_NOSYSTEM=1")
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if args[0] == "ls-files" {
			list := strings.Fields(string(out))
			sort.Strings(list)
			return list
		}
	}
	return nil
}

// ignoredFiles lists the files below what a tree ignores.
func ignoredFiles(t *testing.T, root string, tree *Tree) []string {
	t.Helper()
	list := []string{}
	for _, rel := range tree.Ignored() {
		err := filepath.Walk(filepath.Join(root, rel), func(p string, info os.FileInfo, err error) error {
			if err == nil && !info.IsDir() {
				r, _ := filepath.Rel(root, p)
				list = append(list, r)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	sort.Strings(list)
	return list
}

func TestSameAsGit(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string]string{
		"plain names and stars": {".gitignore": "*.log\nbuild\n", "a.log": "", "x/b.log": "",
			"build/o": "", "x/build/o": "", "keep.txt": ""},
		"anchored": {".gitignore": "/build\nx/y\n", "build/o": "", "x/build/o": "",
			"x/y/z": "", "w/x/y": ""},
		"folders only": {".gitignore": "out/\n", "out/a": "", "x/out": "", "x/y/out/b": ""},
		"negation": {".gitignore": "*.txt\n!keep.txt\n", "a.txt": "", "keep.txt": "",
			"x/keep.txt": ""},
		"no way back into an ignored folder": {".gitignore": "vendor/\n!vendor/keep\n", "vendor/keep": "",
			"vendor/x": ""},
		"way back into a folder's content": {".gitignore": "vendor/*\n!vendor/keep\n", "vendor/keep": "",
			"vendor/x": ""},
		"nested files": {".gitignore": "*.o\n", "x/.gitignore": "!*.o\n/only\n", "a.o": "", "x/a.o": "",
			"x/only": "", "x/y/only": ""},
		"two stars": {".gitignore": "a/**/z\n**/tmp\nlogs/**\n", "a/z": "", "a/b/c/z": "", "x/tmp": "",
			"logs/x/y": "", "b/z": ""},
		"classes and marks":   {".gitignore": "f[0-9].c\n?.h\n", "f1.c": "", "fx.c": "", "a.h": "", "ab.h": ""},
		"comments and blanks": {".gitignore": "# not this\n\n\\#this\n", "#this": "", "not": ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := makeTree(t, files)
			want := gitIgnored(t, root)
			if want == nil {
				want = []string{}
			}
			tree := New(root, true, Rules{}, Protection{})
			tree.Rebuild(func(string) {}, func(string) {})
			if diff := cmp.Diff(want, ignoredFiles(t, root, tree)); diff != "" {
				t.Errorf("(-git +nhctl)\n%s", diff)
			}
		})
	}
}

func TestTouch(t *testing.T) {
	t.Parallel()
	root := makeTree(t, map[string]string{".gitignore": "*.log\n", "a.txt": ""})
	tree := New(root, true, Rules{Above: []Source{{Lines: []string{"*.global"}}}}, Protection{})
	tree.Rebuild(func(string) {}, func(string) {})
	for _, name := range []string{"new/deep/x.log", "new/deep/x.txt", "y.global", "sub/.git/config"} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var visited []string
	visit := func(dir string) { visited = append(visited, dir) }
	for _, tt := range []struct {
		path          string
		ignored, grew bool
	}{
		{"new", false, true},
		{"new/deep/x.log", true, false},
		{"new/deep/x.txt", false, false},
		{"y.global", true, true},
		{"sub/.git/config", true, false},
		{"gone.txt", false, false},
	} {
		ignored, grew := tree.Touch(tt.path, visit)
		if ignored != tt.ignored || grew != tt.grew {
			t.Errorf("%s: ignored %v, grew %v", tt.path, ignored, grew)
		}
	}
	if diff := cmp.Diff([]string{"new", "new/deep"}, visited); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"new/deep/x.log", "y.global"}, tree.Ignored()); diff != "" {
		t.Error(diff)
	}
}

// Files that git tracks are not ignored, nor are those that a command of the config names; what is next to them is.
func TestTrackedAndExcepted(t *testing.T) {
	t.Parallel()
	root := makeTree(t, map[string]string{
		".gitignore": "dist/\n*.log\n.nocalhost\n", "dist/kept/tracked.js": "", "dist/kept/other.js": "",
		"dist/out.js": "", "src/tracked.log": "", "src/other.log": "",
		".nocalhost/run.sh": "", ".nocalhost/config.yaml": "", ".nocalhost/keys/id": "", "GIT~1/config": "",
		".dev/config.yaml": "",
	})
	given := Rules{Tracked: []string{"dist/kept/tracked.js", "src/tracked.log"}}
	tree := New(root, true, given, Protect([]string{".nocalhost/run.sh"}))
	var files []string
	tree.Rebuild(func(string) {}, func(rel string) { files = append(files, rel) })
	sort.Strings(files)
	if diff := cmp.Diff([]string{".gitignore", ".nocalhost/run.sh", "dist/kept/tracked.js", "src/tracked.log"},
		files); diff != "" {
		t.Errorf("synced: %s", diff)
	}
	want := []string{".nocalhost/config.yaml", ".nocalhost/keys", "GIT~1", "dist/kept/other.js", "dist/out.js",
		"src/other.log"}
	if diff := cmp.Diff(want, tree.Ignored()); diff != "" {
		t.Errorf("ignored: %s", diff)
	}
	for rel, ignored := range map[string]bool{
		"dist/kept/tracked.js": false, "dist/kept/new.js": true, ".nocalhost/run.sh": false, ".nocalhost/new": true,
		"src/tracked.log": false, "src/new.log": true,
	} {
		if err := os.WriteFile(filepath.Join(root, rel), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if got, _ := tree.Touch(rel, func(string) {}); got != ignored {
			t.Errorf("%s: ignored %v", rel, got)
		}
	}
	if got := Despite(root, []string{"dist/kept/tracked.js", "src/tracked.log", "src/main.go", ".gitignore"},
		Rules{}); !cmp.Equal(got, given.Tracked) {
		t.Errorf("tracked despite rules: %v", got)
	}
}
