package kube

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/version"
)

// Minor versions of Kubernetes 1. Documentation and `nhctl doctor` have them from here.
const (
	// OldestMinor is the oldest one whose API has all that nhctl asks for: SelfSubjectReview v1, by which it learns who
	// the user is.
	OldestMinor = 28
	// AlwaysTested is the one that all scenarios run on, with every change.
	AlwaysTested = 34
)

// CoreTested returns those that the core set of the scenarios runs on before a release (hack/test-kubernetes.sh), in
// ascending order: the oldest and the newest of the three newest that the playground can run.
func CoreTested() []int { return []int{35, 37} }

// NewestTested is the newest one that any scenario runs on.
func NewestTested() int { return max(AlwaysTested, slices.Max(CoreTested())) }

// Minors writes minor versions as a list in words, such as "1.35 and 1.37".
func Minors(minors ...int) string {
	var words []string
	for _, minor := range minors {
		words = append(words, fmt.Sprintf("1.%d", minor))
	}
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// Supported says which versions of Kubernetes nhctl supports, and which of them it is tested with.
func Supported() string {
	return fmt.Sprintf("%s and newer, tested with %s", Minors(OldestMinor),
		Minors(append([]int{AlwaysTested}, CoreTested()...)...))
}

// Age is how a cluster's version relates to the supported ones.
type Age int

// The ages of clusters.
const (
	TooOld Age = iota - 1
	Fine
	Newer // than any that nhctl was tested with
)

// AgeOf judges the version that an API server names. One that it can't read is fine.
func AgeOf(v *version.Info) Age {
	var major, minor int // managed clusters write 30+
	if _, err := fmt.Sscanf(v.Major+" "+v.Minor, "%d %d", &major, &minor); err != nil {
		return Fine
	}
	switch {
	case major < 1 || major == 1 && minor < OldestMinor:
		return TooOld
	case major > 1 || minor > NewestTested():
		return Newer
	}
	return Fine
}
