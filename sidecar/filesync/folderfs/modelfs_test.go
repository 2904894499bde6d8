package folderfs

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/fs"

	"github.com/nhctl/nhctl/sidecar/filesync/rooted"
)

// Nothing that the model does goes through a link, wherever that leads, and however it came.
func TestModelWritesThroughNoLink(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(fs.Filesystem, string) error{
		"create": func(f fs.Filesystem, name string) error { _, err := f.Create(name); return err },
		"open": func(f fs.Filesystem, name string) error {
			_, err := f.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
			return err
		},
		"make":         func(f fs.Filesystem, name string) error { return f.Mkdir(name+"-new", 0o700) },
		"make all":     func(f fs.Filesystem, name string) error { return f.MkdirAll(name+"-new/x", 0o700) },
		"link":         func(f fs.Filesystem, name string) error { return f.CreateSymlink("x", name+"-new") },
		"chmod":        func(f fs.Filesystem, name string) error { return f.Chmod(name, 0o777) },
		"chtimes":      func(f fs.Filesystem, name string) error { return f.Chtimes(name, time.Now(), time.Now()) },
		"remove":       func(f fs.Filesystem, name string) error { return f.Remove(name) },
		"remove all":   func(f fs.Filesystem, name string) error { return f.RemoveAll(name) },
		"rename":       func(f fs.Filesystem, name string) error { return f.Rename("here", name) },
		"rename away":  func(f fs.Filesystem, name string) error { return f.Rename(name, "here") },
		"put in place": func(f fs.Filesystem, name string) error { return f.Rename(fs.TempName("here"), name) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			root := o.Root
			outside := t.TempDir()
			for where, text := range map[string]string{filepath.Join(root, "here"): "here",
				filepath.Join(root, fs.TempName("here")): "coming", filepath.Join(outside, "key"): "secret"} {
				if err := os.WriteFile(where, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink(outside, filepath.Join(root, "out")); err != nil {
				t.Fatal(err)
			}
			kind := fs.FilesystemType(t.Name())
			if _, err := Open(kind, o); err != nil {
				t.Fatal(err)
			}
			before := snapshot(t, outside)
			if err := do(fs.NewFilesystem(kind, root), filepath.Join("out", "key")); !errors.Is(err, rooted.ErrLink) {
				t.Errorf("got %v, want ErrLink", err)
			}
			if after := snapshot(t, outside); after != before {
				t.Errorf("outside there is\n%s, instead of\n%s", after, before)
			}
		})
	}
}
