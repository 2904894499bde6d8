package filesync

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nhctl/nhctl/sidecar/filesync/foldertest"
)

// Where names may be taken for the same regardless of case, everything travels as elsewhere: looking for the real
// spelling of a name must not stumble over what of ours is not in the folder.
func TestSpellingsAreChecked(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	p.local.config.foldsCase = func(string) bool { return true }
	foldertest.Put(t, a, "Mine", "1")
	foldertest.Put(t, b, "Dir/other", "1")
	p.start()
	p.same()
	if err := os.Rename(filepath.Join(a, "Mine"), filepath.Join(a, "MINE")); err != nil {
		t.Fatal(err)
	}
	foldertest.Put(t, b, "Dir/other", "2")
	p.same()
	arrives(t, b, "MINE", "1")
	arrives(t, a, "Dir/other", "2")
}

func TestFoldsCase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"", "123", "Name", "nAME"} {
		if name != "" {
			foldertest.Put(t, dir, name, "1")
		}
		if foldsCase(dir) {
			t.Errorf("a folder as they are here folds case, with %q", name)
		}
	}
}
