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
	i, version := newInodes(dir), uint64(0)
	look := func(info os.FileInfo) bool {
		version++
		i.look("f", info)
		return i.replaced("f", version, func(uint64) bool { return true })
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

// What the peer was told of a version stays, however often it is told; and a file that was replaced stays another one
// than the peer has until it has that.
func TestReplacedUntilThePeerHasIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	i, has := newInodes(dir), uint64(0)
	look := func() {
		t.Helper()
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		i.look("f", info)
	}
	tell := func(version uint64, want bool) {
		t.Helper()
		if got := i.replaced("f", version, func(v uint64) bool { return has >= v }); got != want {
			t.Errorf("version %d: replaced %v, want %v", version, got, want)
		}
	}
	foldertest.Put(t, dir, "f", "1")
	look()
	tell(1, false)
	foldertest.Replace(t, dir, "f", "2")
	look()
	tell(2, true)
	tell(2, true)
	foldertest.Put(t, dir, "f", "3") // in place, but the peer has the first one
	look()
	tell(3, true)
	has = 3
	foldertest.Put(t, dir, "f", "4")
	look()
	tell(4, false)
	tell(4, false)
}

// What happened to a file while no one looked shows by what the index has of it.
func TestReplacedWhileNoOneLooked(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(t *testing.T, dir string)
		want   bool
		lacks  bool
	}{
		"nothing":     {func(*testing.T, string) {}, false, false},
		"in place":    {func(t *testing.T, dir string) { foldertest.Put(t, dir, "f", "changed") }, false, false},
		"another one": {func(t *testing.T, dir string) { foldertest.Replace(t, dir, "f", "changed") }, true, false},
		"nothing, but the peer was not told of it": {func(*testing.T, string) {}, true, true},
		"an older one": {func(t *testing.T, dir string) {
			if err := os.Rename(filepath.Join(dir, "older"), filepath.Join(dir, "f")); err != nil {
				t.Fatal(err)
			}
		}, true, false},
		"its mode": {func(t *testing.T, dir string) {
			if err := os.Chmod(filepath.Join(dir, "f"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "f")
			tick := func() { // the file system's clock, which goes on in steps
				first := timesOf(path, foldertest.Inode(t, path))
				for next := first; next.changed == first.changed; {
					foldertest.Put(t, dir, "clock", "")
					next = timesOf(filepath.Join(dir, "clock"), foldertest.Inode(t, filepath.Join(dir, "clock")))
				}
			}
			foldertest.Put(t, dir, "older", "older")
			foldertest.Put(t, dir, "f", "content")
			at := timesOf(path, foldertest.Inode(t, path))
			if at.changed == 0 {
				t.Skip("the file system does not say when a file was made")
			}
			tick()
			tt.change(t, dir)
			i := newInodes(dir)
			i.known("f", indexed{at.saved, at.changed, int64(len("content")), tt.lacks})
			info, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			i.look("f", info)
			if got := i.replaced("f", 2, func(uint64) bool { return true }); got != tt.want {
				t.Errorf("replaced: %v, want %v", got, tt.want)
			}
		})
	}
}

// The peer may be told of the index before this run has looked at the file.
func TestToldBeforeLooking(t *testing.T) {
	t.Parallel()
	for _, lacks := range []bool{false, true} {
		dir := t.TempDir()
		foldertest.Put(t, dir, "f", "content")
		info, err := os.Lstat(filepath.Join(dir, "f"))
		if err != nil {
			t.Fatal(err)
		}
		at := timesOf(filepath.Join(dir, "f"), foldertest.Inode(t, filepath.Join(dir, "f")))
		i := newInodes(dir)
		i.known("f", indexed{at.saved, at.changed, info.Size(), lacks})
		has := func(uint64) bool { return true }
		for range 2 {
			if got := i.replaced("f", 2, has); got != lacks {
				t.Errorf("the peer lacks it: %v; it is told that it was replaced: %v", lacks, got)
			}
			i.look("f", info)
		}
		if i.replaced("f", 3, has) {
			t.Errorf("the peer lacked it: %v; a save in place counts as another file", lacks)
		}
	}
}
