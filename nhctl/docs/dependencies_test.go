package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/modfile"
)

// direct are the modules that a go.mod requires for its own packages, and those of its tools, sorted.
func direct(t *testing.T, name string) []string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.Parse(name, data, nil)
	if err != nil {
		t.Fatal(err)
	}
	var modules []string
	for _, r := range mod.Require {
		tool := slices.ContainsFunc(mod.Tool, func(t *modfile.Tool) bool {
			return strings.HasPrefix(t.Path, r.Mod.Path+"/")
		})
		if !r.Indirect || tool {
			modules = append(modules, r.Mod.Path)
		}
	}
	slices.Sort(modules)
	return modules
}

// row is a line of a table that begins with a module.
var row = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|(.*)\\|$")

// rows are the modules of a part of the page, sorted; every row has something in each column.
func rows(t *testing.T, part string) []string {
	t.Helper()
	var modules []string
	for _, m := range row.FindAllStringSubmatch(part, -1) {
		modules = append(modules, m[1])
		cells := strings.Split(m[2], "|")
		if empty := slices.ContainsFunc(cells, func(c string) bool { return strings.TrimSpace(c) == "" }); empty ||
			len(cells) != 4 {
			t.Errorf("the row of %s has a column without a word, or not five columns", m[1])
		}
	}
	slices.Sort(modules)
	return modules
}

// Every dependency has its row, and no other.
func TestDependenciesHaveReasons(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	product, tools, found := strings.Cut(string(data), "\n## Tools\n")
	if !found {
		t.Fatal("the page has no part about tools")
	}
	tools, _, _ = strings.Cut(tools, "\n## ")
	const staticcheck = "honnef.co/go/tools"
	want := slices.DeleteFunc(direct(t, filepath.Join("..", "..", "go.mod")), func(m string) bool {
		return m == staticcheck
	})
	if diff := cmp.Diff(want, rows(t, product)); diff != "" {
		t.Errorf("modules of nhctl (-go.mod +page):\n%s", diff)
	}
	want = append(direct(t, filepath.Join("..", "..", "hack", "release", "go.mod")), staticcheck)
	slices.Sort(want)
	if diff := cmp.Diff(want, rows(t, tools)); diff != "" {
		t.Errorf("modules of tools (-go.mod +page):\n%s", diff)
	}
}
