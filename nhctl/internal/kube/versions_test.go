package kube

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
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
		"the newest":          {"1", minor(NewestTested()), Fine},
		"beyond it":           {"1", minor(NewestTested() + 1), Newer},
		"a managed newer one": {"1", minor(NewestTested()+1) + "+", Newer},
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

// The tested versions are those that the playground's modules offer.
func TestTestedVersions(t *testing.T) {
	t.Parallel()
	playground := filepath.Join("..", "..", "..", "examples", "playground")
	more, err := filepath.Glob(filepath.Join(playground, "kubernetes", "*.mod"))
	if err != nil {
		t.Fatal(err)
	}
	var minors []int
	for _, path := range append([]string{filepath.Join(playground, "go.mod")}, more...) {
		module, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(`(?m)^\s*k8s\.io/kubernetes v1\.(\d+)\.`).FindSubmatch(module)
		if m == nil {
			t.Fatalf("%s names no version", path)
		}
		minor, err := strconv.Atoi(string(m[1]))
		if err != nil {
			t.Fatal(err)
		}
		minors = append(minors, minor)
	}
	if minors[0] != AlwaysTested {
		t.Errorf("the playground has 1.%d, and 1.%d is said to be tested with every change", minors[0], AlwaysTested)
	}
	slices.Sort(minors)
	newest := minors[max(0, len(minors)-3):]
	if diff := cmp.Diff([]int{newest[0], newest[len(newest)-1]}, CoreTested()); diff != "" {
		t.Errorf("the oldest and newest of %v, and those that are said to be tested: %s", newest, diff)
	}
}

func TestMinors(t *testing.T) {
	t.Parallel()
	for want, minors := range map[string][]int{
		"":                    nil,
		"1.34":                {34},
		"1.34 and 1.35":       {34, 35},
		"1.34, 1.35 and 1.37": {34, 35, 37},
	} {
		if got := Minors(minors...); got != want {
			t.Errorf("%v: %q, want %q", minors, got, want)
		}
	}
}
