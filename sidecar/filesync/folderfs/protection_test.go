package folderfs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nhctl/nhctl/sidecar/filesync/foldertest"
)

func TestLeadsOut(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	foldertest.Put(t, root, "dir/deep/file", "")
	for link, target := range map[string]string{"inside": "dir", "out": "/etc", "loop": "loop", "dangling": "nowhere"} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name, target string
		want         bool
	}{
		{"a", "dir/deep/file", false}, {"a", "nothing/there", false}, {"a", ".", false}, {"a", "./dir", false},
		{"dir/a", "../dir", false}, {"dir/a", "..", false},
		{"dir/deep/a", "../../b", false}, {"a", "inside/deep", false}, {"a", "..", true}, {"a", "../x", true},
		{"dir/a", "../../x", true}, {"a", "/etc", true},
		{"a", "dir/..", true}, {"a", "dir/../dir", true}, {"a", "out", true}, {"a", "out/passwd", true},
		{"a", "inside/../../x", true}, {"a", "loop", true},
		{"a", "", true}, {"a", "x\x00y", true},
	} {
		if got := leadsOut(root, tt.name, tt.target); got != tt.want {
			t.Errorf("%s -> %q: %v", tt.name, tt.target, got)
		}
	}
}
