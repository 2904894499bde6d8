package kube

import (
	"fmt"

	"k8s.io/apimachinery/pkg/version"
)

// Minor versions of Kubernetes 1. Documentation and `nhctl doctor` have them from here.
const (
	// OldestMinor is the oldest one whose API has all that nhctl asks for: SelfSubjectReview v1, by which it learns who
	// the user is.
	OldestMinor = 28
	// OldestTested and NewestTested are those that the scenarios run on, with all between them.
	OldestTested = 34
	NewestTested = 34
)

// Tested are the versions that the scenarios run on.
func Tested() string {
	if OldestTested == NewestTested {
		return fmt.Sprintf("1.%d", NewestTested)
	}
	return fmt.Sprintf("1.%d to 1.%d", OldestTested, NewestTested)
}

// Supported says which versions of Kubernetes nhctl supports, and which of them it is tested with.
func Supported() string { return fmt.Sprintf("1.%d and newer, tested with %s", OldestMinor, Tested()) }

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
	case major > 1 || minor > NewestTested:
		return Newer
	}
	return Fine
}
