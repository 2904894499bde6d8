package linked

import (
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The modules of a program of this module: Go's own library, what it imports on that platform, and not itself.
func TestModules(t *testing.T) {
	t.Parallel()
	modules, err := Modules(t.Context(), Program{
		Dir:      filepath.Join("..", ".."),
		Package:  "./internal/sbom",
		Platform: Platform{"windows", "arm64"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, m := range modules {
		paths = append(paths, m.Path)
		if m.Version == "" || !filepath.IsAbs(m.Dir) || m.Path != "std" && len(m.Packages) == 0 {
			t.Errorf("incomplete: %+v", m)
		}
	}
	if !slices.IsSorted(paths) || !slices.Contains(paths, "std") ||
		!slices.Contains(paths, "github.com/CycloneDX/cyclonedx-go") || slices.ContainsFunc(paths, func(p string) bool {
		return strings.HasPrefix(p, "github.com/nhctl/")
	}) {
		t.Errorf("modules: %q", paths)
	}
}

func TestModulesOfNothing(t *testing.T) {
	t.Parallel()
	_, err := Modules(t.Context(), Program{Dir: ".", Package: "./missing", Platform: Platform{"linux", "amd64"}})
	if err == nil || !strings.Contains(err.Error(), "list the packages of ./missing for linux/amd64: ") {
		t.Errorf("a program that does not exist: %v", err)
	}
}

func TestUnion(t *testing.T) {
	t.Parallel()
	got := Union(
		[]Module{{Path: "b", Version: "v1.0.0", Packages: []string{"/b/x", "/b/z"}}},
		[]Module{{Path: "a", Version: "v2.0.0"}, {Path: "b", Version: "v1.0.0", Packages: []string{"/b/y", "/b/x"}}},
	)
	want := []Module{
		{Path: "a", Version: "v2.0.0"},
		{Path: "b", Version: "v1.0.0", Packages: []string{"/b/x", "/b/y", "/b/z"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("union (-want +got):\n%s", diff)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	known := []Module{{Path: "a", Version: "v1.0.0"}, {Path: "b", Version: "v2.0.0"}}
	for _, test := range []struct {
		name  string
		deps  []*debug.Module
		fails bool
	}{
		{"known", []*debug.Module{{Path: "a", Version: "v1.0.0"}, {Path: "b", Version: "v2.0.0"}}, false},
		{"another version", []*debug.Module{{Path: "a", Version: "v1.0.1"}}, true},
		{"replaced", []*debug.Module{{Path: "a", Version: "v1.0.0", Replace: &debug.Module{Path: "../a"}}}, true},
		{"unknown", []*debug.Module{{Path: "c", Version: "v1.0.0"}}, true},
	} {
		if err := check(&debug.BuildInfo{Deps: test.deps}, known); (err != nil) != test.fails {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if err := Check("linked.go", nil); err == nil {
		t.Error("a file that is no program is taken for one")
	}
}

func TestParsePlatform(t *testing.T) {
	t.Parallel()
	p, err := ParsePlatform("linux/arm64")
	if err != nil || p != (Platform{"linux", "arm64"}) || p.String() != "linux/arm64" {
		t.Errorf("linux/arm64 is %+v, %v", p, err)
	}
	for _, wrong := range []string{"", "linux", "linux/", "/arm64"} {
		if _, err := ParsePlatform(wrong); err == nil {
			t.Errorf("%q is taken for a platform", wrong)
		}
	}
}
