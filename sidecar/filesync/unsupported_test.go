//go:build !windows

package filesync

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/sidecar/filesync/foldertest"
)

// What can't be carried is listed on its side, and is no concern of the other.
func TestNotCarried(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	foldertest.Put(t, a, "one", "1")
	foldertest.Put(t, a, ".syncthing.notes", "mine")
	for _, err := range []error{
		syscall.Mkfifo(filepath.Join(a, "fifo"), 0o644),
		syscall.Mknod(filepath.Join(a, "socket"), syscall.S_IFSOCK|0o644, 0),
		os.Link(filepath.Join(a, "one"), filepath.Join(a, "two")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	p.start()
	p.wait()
	if diff := cmp.Diff([]string{"one", "two"}, foldertest.Names(t, b)); diff != "" {
		t.Error(diff)
	}
	want := map[string]string{
		"fifo": "a FIFO does not travel", "socket": "a socket does not travel",
		".syncthing.notes": "names that begin with .syncthing. or ~syncthing~ are sync's own",
		"one":              "a hard link (to two): the other side has files of their own",
		"two":              "a hard link (to one): the other side has files of their own",
	}
	if diff := cmp.Diff(want, p.local.status().NotCarried); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{}, p.remote.status().NotCarried); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{"fifo", "socket", "two"} {
		if err := os.Remove(filepath.Join(a, name)); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(map[string]string{".syncthing.notes": want[".syncthing.notes"]},
		p.local.status().NotCarried); diff != "" {
		t.Errorf("after they are gone:\n%s", diff)
	}
}

// A name that is no text can't travel; a name of the greatest length does, as do names that differ in case only.
func TestNames(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	long := strings.Repeat("é", 127)
	for i, name := range []string{long, "Case", "case", "a\\b", "new\nline", "日本", "no-text-\xff"} {
		foldertest.Put(t, a, name, fmt.Sprint(i))
	}
	p.start()
	p.wait()
	want := list(t, a)
	delete(want, "no-text-\xff")
	if diff := cmp.Diff(want, list(t, b)); diff != "" {
		t.Error(diff)
	}
	if errs := p.local.status().Errors; !strings.Contains(errs["no-text-\xff"], "not valid UTF-8") {
		t.Errorf("%v", errs)
	}
}

// Symlinks that lead out of the root travel as links. Nothing is read or written through them, on either side.
func TestSymlinksLeadNowhere(t *testing.T) {
	t.Parallel()
	for name, side := range map[string]Side{"a link here": Local, "a link in the pod": Remote} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, a, b := newPair(t, Settings{Type: SendReceive, LinksOutside: true})
			here, there, root := p.local, p.remote, a
			if side == Remote {
				here, there, root = p.remote, p.local, b
			}
			outside := t.TempDir()
			foldertest.Put(t, outside, "secret", "1")
			foldertest.Put(t, root, "dir/file", "1")
			p.start()
			p.same()
			if err := errors.Join(os.RemoveAll(filepath.Join(root, "dir")),
				os.Symlink(outside, filepath.Join(root, "dir"))); err != nil {
				t.Fatal(err)
			}
			p.same()
			target, err := os.Readlink(filepath.Join(there.config.Root, "dir"))
			if err != nil || target != outside {
				t.Fatalf("it arrived as %q, %v", target, err)
			}
			// The other side still means the folder: it must not write through the link.
			p.cut()
			if err := os.Remove(filepath.Join(there.config.Root, "dir")); err != nil {
				t.Fatal(err)
			}
			foldertest.Put(t, there.config.Root, "dir/planted", "2")
			p.connect()
			p.wait()
			if diff := cmp.Diff([]string{"secret"}, foldertest.Names(t, outside)); diff != "" {
				t.Errorf("outside of the root:\n%s", diff)
			}
			for _, e := range []*end{here, there} {
				if _, err := os.Lstat(filepath.Join(e.config.Root, "dir", "secret")); err == nil && e == there {
					t.Errorf("the content of the link's target came to the %s side", e.config.Side)
				}
			}
		})
	}
}

// A file that is mostly holes arrives whole, and without the holes being filled. In a long run it has 2 GB.
func TestSparse(t *testing.T) {
	t.Parallel()
	size := int64(60<<20 + 12345)
	if length, _ := chaosSettings(t); length >= chaosLong {
		size = 2<<30 + 12345
	}
	p, a, b := newPair(t, Settings{Type: SendReceive})
	f, err := os.Create(filepath.Join(a, "sparse"))
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int64{0, size / 2, size - 5} {
		if _, err := f.WriteAt([]byte("bytes"), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	p.start()
	if err := p.local.engine.Wait(limited(t), peer{p.remote.engine}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(b, "sparse"))
	if err != nil || info.Size() != size {
		t.Fatalf("%v, %v", info, err)
	}
	if used := info.Sys().(*syscall.Stat_t).Blocks * 512; used > size/3 {
		t.Errorf("it takes %d bytes on the other side", used)
	}
	g, err := os.Open(filepath.Join(b, "sparse"))
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	for _, at := range []int64{0, size / 2, size - 5} {
		data := make([]byte, 5)
		if _, err := g.ReadAt(data, at); err != nil || string(data) != "bytes" {
			t.Errorf("at %d: %q, %v", at, data, err)
		}
	}
}

// A file that is written on and on arrives as it was at some moment of each file's end: whole in the end, never mixed.
func TestWrittenWhileSyncing(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	p.start()
	f, err := os.Create(filepath.Join(a, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []byte
	for i := range 60 {
		line := make([]byte, 10_000)
		_, _ = rand.Read(line)
		if _, err := f.Write(line); err != nil {
			t.Fatal(err)
		}
		all = append(all, line...)
		if got, err := os.ReadFile(filepath.Join(b, "log")); err == nil &&
			!strings.HasPrefix(string(all), string(got)) {
			t.Fatalf("after write %d the other side has %d bytes that the file never was", i, len(got))
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		_ = p.local.engine.Scan(t.Context())
	}
	p.same()
}

// What a killed engine left behind goes; what others named so stays.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	p, a, _ := newPair(t, Settings{Type: SendReceive})
	foldertest.Put(t, a, "f", "1")
	foldertest.Put(t, a, "dir/.syncthing.g.tmp", "half a file")
	foldertest.Put(t, a, ".syncthing.going.h.tmp", "whole")
	foldertest.Put(t, a, ".syncthing.mine", "stays")
	p.start()
	p.wait()
	sweep := func() {
		p.local.engine.scanning.Lock()
		leftovers := p.local.engine.leftovers
		p.local.engine.scanning.Unlock()
		p.local.engine.sweep(leftovers, time.Now())
	}
	sweep()
	if diff := cmp.Diff([]string{".syncthing.mine", "dir", "f"}, foldertest.Names(t, a)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"whole"}, lost(t, p.local.engine)); diff != "" {
		t.Errorf("what was about to be deleted:\n%s", diff)
	}
}
