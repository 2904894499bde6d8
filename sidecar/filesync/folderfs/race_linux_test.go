package folderfs

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	syncfs "github.com/syncthing/syncthing/lib/fs"
	"golang.org/x/sys/unix"

	"github.com/nhctl/nhctl/sidecar/filesync/foldertest"
)

// Nothing that the model does reaches the outside while a directory and a link that leads there change places again and
// again.
func TestModelWritesThroughNoLinkThatComes(t *testing.T) {
	t.Parallel()
	for name, inPod := range map[string]bool{"computer": false, "pod": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			o.InPod, o.Unprotected = inPod, true
			outside := t.TempDir()
			foldertest.Put(t, o.Root, "a/f", "inside")
			foldertest.Put(t, outside, "f", "outside")
			kind := syncfs.FilesystemType(t.Name())
			f, err := Open(kind, o)
			if err != nil {
				t.Fatal(err)
			}
			f.index = known{time.Now()}
			model := syncfs.NewFilesystem(kind, o.Root)
			before := snapshot(t, outside)
			stop := swap(t, filepath.Join(o.Root, "a"), outside)
			for range 1000 {
				change(model)
			}
			stop()
			if after := snapshot(t, outside); after != before {
				t.Errorf("outside there is\n%s, instead of\n%s", after, before)
			}
		})
	}
}

// change does with a file and its neighbours what the model may.
func change(folder syncfs.Filesystem) {
	in := func(name string) string { return filepath.Join("a", name) }
	name, temporary, now := in("f"), syncfs.TempName(in("f")), time.Now()
	if file, err := folder.OpenFile(temporary, os.O_RDWR|os.O_CREATE, 0o600); err == nil {
		_, _ = file.Write([]byte("from the other side"))
		file.Close()
	}
	_ = folder.Chmod(temporary, 0o640)
	_ = folder.Remove(name)
	_ = folder.Rename(temporary, name)
	_ = folder.Chtimes(name, now, now)
	_ = folder.Chmod(name, 0o600)
	_ = folder.Mkdir(in("d"), 0o700)
	_ = folder.MkdirAll(in("e/e"), 0o700)
	_ = folder.CreateSymlink("f", in("l"))
	_ = folder.Remove(in("d"))
	_ = folder.RemoveAll(in("e"))
	_ = folder.Remove(in("l"))
	_ = folder.Rename(name, syncfs.TempName("elsewhere"))
	_ = folder.Remove(name)
}

// swap lets a directory and a link to another change places until stop is called.
func swap(t *testing.T, dir, outside string) (stop func()) {
	t.Helper()
	link := filepath.Join(filepath.Dir(filepath.Dir(dir)), "link") // on the same file system
	if err := os.Symlink(outside, link); err != nil {
		t.Fatal(err)
	}
	exchange := func() error { return unix.Renameat2(unix.AT_FDCWD, dir, unix.AT_FDCWD, link, unix.RENAME_EXCHANGE) }
	if err := errors.Join(exchange(), exchange()); err != nil {
		t.Skipf("this file system has no exchange: %v", err)
	}
	done := make(chan struct{})
	var swapping sync.WaitGroup
	swapping.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				_ = exchange()
			}
		}
	})
	return func() { close(done); swapping.Wait() }
}
