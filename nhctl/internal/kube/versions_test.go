package kube

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"k8s.io/apimachinery/pkg/version"
)

func TestAgeOf(t *testing.T) {
	t.Parallel()
	minor := strconv.Itoa
	for name, tt := range map[string]struct {
		major, minor string
		want         Age
	}{
		"the oldest":          {"1", minor(OldestMinor), Fine},
		"before it":           {"1", minor(OldestMinor - 1), TooOld},
		"a managed one":       {"1", minor(OldestMinor-1) + "+", TooOld},
		"the newest":          {"1", minor(NewestTested), Fine},
		"beyond it":           {"1", minor(NewestTested + 1), Newer},
		"a managed newer one": {"1", minor(NewestTested+1) + "+", Newer},
		"another time":        {"2", "0", Newer},
		"the time before":     {"0", "99", TooOld},
		"no version":          {"", "", Fine},
		"no numbers":          {"one", "two", Fine},
	} {
		if got := AgeOf(&version.Info{Major: tt.major, Minor: tt.minor}); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}

// The versions that are said to be tested are those that scenarios run on: the playground's default one, and the ends
// of the three newest that it can run.
func TestTestedVersions(t *testing.T) {
	t.Parallel()
	playground := filepath.Join("..", "..", "..", "examples", "playground")
	files, err := filepath.Glob(filepath.Join(playground, "kubernetes", "*.mod"))
	if err != nil {
		t.Fatal(err)
	}
	var minors []int
	for _, file := range append([]string{filepath.Join(playground, "go.mod")}, files...) {
		module, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(`(?m)^\s*k8s\.io/kubernetes v1\.(\d+)\.`).FindSubmatch(module)
		if m == nil {
			t.Fatalf("%s names no version", file)
		}
		minor, err := strconv.Atoi(string(m[1]))
		if err != nil {
			t.Fatal(err)
		}
		minors = append(minors, minor)
	}
	standard := minors[0]
	slices.Sort(minors)
	if len(minors) < 3 {
		t.Fatalf("the playground can run 1.%v only", minors)
	}
	want := [3]int{standard, minors[len(minors)-3], minors[len(minors)-1]}
	if said := [3]int{AllScenarios, OldestTested, NewestTested}; said != want {
		t.Errorf("minor versions %v are said to be tested, and %v are", said, want)
	}
}
