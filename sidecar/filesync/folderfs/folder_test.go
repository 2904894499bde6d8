package folderfs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/protocol"
)

// options are those of an empty folder on the computer.
func options(t testing.TB) Options {
	t.Helper()
	dir := t.TempDir()
	o := Options{
		Root:     filepath.Join(dir, "root"),
		StateDir: filepath.Join(dir, "state"),
		KeptDir:  filepath.Join(dir, "kept"),
	}
	for _, dir := range []string{o.Root, o.StateDir} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

// known is an index that says that all is the other side's, and was saved in place at a time.
type known struct{ at time.Time }

func (known) Entry(string) *protocol.FileInfo      { return nil }
func (known) Holds(string, func(string) bool) bool { return false }
func (known) Ours(string) bool                     { return false }
func (known) Own(string, bool)                     {}
func (k known) Incoming(string) (time.Time, bool)  { return k.at, true }
func (known) Unchanged(string, os.FileInfo) bool   { return true }

// snapshot describes all that is in a directory.
func snapshot(t testing.TB, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text, _ := os.ReadFile(path)
		fmt.Fprintf(&all, "%s %s %s %q\n", path, info.Mode(), info.ModTime(), text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
