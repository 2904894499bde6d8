package commands

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/event"
)

func TestPairGo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		local, remote string
		want          []event.PathData
	}{
		"one version": {
			"/home/ada/go/pkg/mod\n/opt/go\ngo1.26.1\n",
			"/cache/mod\n/usr/local/go\ngo1.26.1\n",
			[]event.PathData{
				{Local: "/home/ada/go/pkg/mod", Remote: "/cache/mod"},
				{Local: "/opt/go", Remote: "/usr/local/go"},
			},
		},
		"two versions":  {"/a\n/b\ngo1.25\n", "/c\n/d\ngo1.26\n", []event.PathData{{Local: "/a", Remote: "/c"}}},
		"an old go":     {"/a\n/b\ngo1.25\n", "\n/d\ngo1.26\n", nil},
		"another thing": {"/a\n/b\ngo1.25\n", "sh: go: not found", nil},
	} {
		if diff := cmp.Diff(tt.want, pairGo(tt.local, tt.remote)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
