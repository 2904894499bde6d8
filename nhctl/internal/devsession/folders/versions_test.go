package folders

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/filesync/kept"
)

func TestFitting(t *testing.T) {
	t.Parallel()
	sized := func(sizes ...int64) (all []kept.Version) {
		for _, n := range sizes {
			all = append(all, kept.Version{Path: "f", Bytes: n})
		}
		return all
	}
	for name, tt := range map[string]struct{ versions, small, large []kept.Version }{
		"none":               {},
		"all":                {versions: sized(90, 10), small: sized(10, 90)},
		"one is too large":   {versions: sized(101, 10), small: sized(10), large: sized(101)},
		"together too large": {versions: sized(60, 50, 40), small: sized(40, 50), large: sized(60)},
		"a size below zero":  {versions: sized(101, -50), small: sized(-50), large: sized(101)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			small, large := fitting(tt.versions, 100)
			want, got := [][]kept.Version{tt.small, tt.large}, [][]kept.Version{small, large}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A version that does not fit is never left silently: each is named, with the command that gets its content.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	err := tooLarge([]kept.Version{
		{Path: "data/a.bin", Bytes: 1_500_000_000, Reason: kept.Conflict},
		{Path: "b.bin", Bytes: 2_000_000_000, Reason: kept.First},
	}, "web")
	want := &problem.Error{
		Code: problem.SyncBlocked,
		Message: "the container has another content of data/a.bin (1.5 GB), b.bin (2.0 GB), " +
			"which no one has decided about, and which is too large to be kept on this computer (1.1 GB at most)",
		Hint: "to have the container's content in the file itself: " +
			"nhctl dev sync resolve --remote data/a.bin; nhctl dev sync restore b.bin\n" +
			"to end without it: nhctl dev end --force web",
	}
	if diff := cmp.Diff(want, problem.From(err)); diff != "" {
		t.Error(diff)
	}
}
