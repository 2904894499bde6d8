package rpc

import (
	"testing"
	"time"
)

// Of two builds exactly one is newer, and of three there is a newest: otherwise they would replace each other's daemon
// for ever.
func TestBuildsHaveAnOrder(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	builds := []Build{ // the oldest first
		{Version: "v0.9.0"},
		{Version: "v0.9.1", Built: noon.Add(time.Hour)}, // knows no protocol
		{Protocol: 1, Version: "dev"},
		{Protocol: 1, Version: "v0.1.0+aaaa", Built: noon},
		{Protocol: 1, Version: "v0.1.0+bbbb", Built: noon},
		{Protocol: 1, Version: "v0.1.0+0000", Built: noon.Add(time.Second)},
		{Protocol: 1, Version: "v0.2.0", Built: noon},
		{Protocol: 1, Version: "v0.10.0+aaaa", Built: noon},
		{Protocol: 2, Version: "v0.1.0", Built: noon},
	}
	for i, a := range builds {
		for j, b := range builds {
			if got, want := a.Newer(b), i > j; got != want {
				t.Errorf("%+v is newer than %+v: %v, want %v", a, b, got, want)
			}
		}
	}
}

// The same program copied to another place is the same build.
func TestCopiesAreOneBuild(t *testing.T) {
	t.Parallel()
	a := Build{Protocol: 1, Version: "v0.1.0+aaaa", Built: time.Unix(1, 0)}
	b := Build{Protocol: 1, Version: "v0.1.0+aaaa", Built: time.Unix(2, 0)}
	if a.Newer(b) || b.Newer(a) {
		t.Error("a copy is newer")
	}
}
