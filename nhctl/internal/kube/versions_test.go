package kube

import (
	"os"
	"path/filepath"
	"regexp"
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

// The playground's own version is one of those that are tested.
func TestTestedVersions(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "..", "examples", "playground", "go.mod")
	module, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^\s*k8s\.io/kubernetes v1\.(\d+)\.`).FindSubmatch(module)
	if m == nil {
		t.Fatal("the playground's module names no version")
	}
	minor, err := strconv.Atoi(string(m[1]))
	if err != nil || minor < OldestTested || minor > NewestTested {
		t.Errorf("the playground has 1.%s, and 1.%d to 1.%d are tested", m[1], OldestTested, NewestTested)
	}
}
