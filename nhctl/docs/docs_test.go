package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/config"
)

// Every config that a page shows must be valid, without a warning.
func TestConfigsInPages(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	seen := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() &&
			(strings.HasPrefix(d.Name(), ".") && path != root || d.Name() == "node_modules" || d.Name() == "bin") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		data, err := os.ReadFile(path)
		for _, block := range Configs(string(data)) {
			seen++
			f := config.Check(filepath.Join(t.TempDir(), ".dev", "config.yaml"), []byte(block), config.Options{})
			for _, text := range f.Notices() {
				t.Errorf("%s: %s", path, text)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 6 {
		t.Errorf("only %d configs were seen in the pages", seen)
	}
}

// The generated parts of pages are written again, and those of the pages are as they are generated.
func TestGeneratedParts(t *testing.T) {
	t.Parallel()
	const head, end = "a\n<!-- generated: Kubernetes versions -->\n", "<!-- end -->\nb\n"
	got, err := Refresh(head+"old\n"+end, nil)
	if want := head + Versions() + end; got != want || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := Refresh("<!-- generated: nothing -->\n"+end, nil); err == nil {
		t.Error("a part that no one generates")
	}
	for _, name := range []string{"compatibility.md", "debug-adapter.md"} {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if fresh, err := Refresh(string(page), nil); fresh != string(page) || err != nil {
			t.Errorf("%s is not as it is generated: %v", name, err)
		}
	}
}

// Every test that a page names must be there.
func TestNamedTests(t *testing.T) {
	t.Parallel()
	var code strings.Builder
	files, err := filepath.Glob(filepath.Join("..", "test", "e2e", "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(data)
	}
	pages, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(string(text), -1) {
			seen++
			if !strings.Contains(code.String(), "func "+name+"(") {
				t.Errorf("%s names %s, which is no scenario", page, name)
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d scenarios are named", seen)
	}
}

// Files and folders that the page for newcomers names must be there.
func TestWhere(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("where.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, m := range regexp.MustCompile("`((?:nhctl|sidecar|schema|devimages)/[^` ]+)`").FindAllStringSubmatch(
		string(page), -1) {
		seen++
		if _, err := os.Stat(filepath.Join("..", "..", filepath.FromSlash(m[1]))); err != nil {
			t.Error(err)
		}
	}
	if seen < 25 {
		t.Errorf("only %d paths are named", seen)
	}
}
