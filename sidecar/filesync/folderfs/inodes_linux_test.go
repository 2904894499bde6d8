package folderfs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nhctl/nhctl/sidecar/filesync/foldertest"
)

// Two saves by renaming may leave a file with the number that the first one had.
func TestInodeInUseAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, next := filepath.Join(dir, "f"), filepath.Join(dir, "next")
	save := func() os.FileInfo {
		t.Helper()
		foldertest.Put(t, dir, "next", "content")
		if err := os.Rename(next, path); err != nil {
			t.Fatal(err)
		}
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	i := newInodes(dir)
	look := func(info os.FileInfo) bool {
		i.look("f", info.Sys())
		return i.replaced("f")
	}
	stays := save()
	for range 2 {
		if look(stays) {
			t.Error("a file that stays counts as replaced")
		}
	}
	for range 5 { // a file system may take another number once
		first := save()
		look(first)
		save()
		last := save()
		if !look(last) {
			t.Errorf("a file that was replaced twice counts as saved in place; its number is in use again: %v",
				os.SameFile(first, last))
		}
	}
}
