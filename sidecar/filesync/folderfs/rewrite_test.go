//go:build linux

package folderfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncthing/syncthing/lib/fs"

	"github.com/nhctl/nhctl/sidecar/filesync/foldertest"
	"github.com/nhctl/nhctl/sidecar/filesync/kept"
	"github.com/nhctl/nhctl/sidecar/filesync/rooted"
)

func openRewriting(t *testing.T, c Options, at time.Time) *Folder {
	t.Helper()
	p, err := Open(fs.FilesystemType("nhctl-"+strings.ReplaceAll(t.Name(), "/", "-")), c)
	if err != nil {
		t.Fatal(err)
	}
	p.index = known{at}
	return p
}

// rewriting is a folder with a file, and a complete one that is to take its place.
func rewriting(t *testing.T) (c Options, temporary string) {
	t.Helper()
	c = options(t)
	c.InPod = true
	temporary = fs.TempName("f")
	foldertest.Put(t, c.Root, "f", "old content")
	foldertest.Put(t, c.Root, temporary, "new")
	return c, temporary
}

// markAs notes that the file is being written in place.
func markAs(t *testing.T, p *Folder) {
	t.Helper()
	info, err := os.Lstat(p.path("f"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.mark("f", info); err != nil {
		t.Fatal(err)
	}
}

// both are the complete file and the one in whose place it is to be.
func both(t testing.TB, c Options, temporary string) (from, to rooted.Entry) {
	t.Helper()
	from, to, release, err := rooted.OpenBoth(c.Root, temporary, "f")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return from, to
}

func TestAHalfWrittenFileIsCompletedAtTheNextStart(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 1, 2, 3, 4, 5, 6, time.UTC)
	tests := []struct {
		name string
		half func(t *testing.T, c Options, temporary string)
		want string
		kept []kept.Reason
	}{
		{"nothing was written", func(*testing.T, Options, string) {}, "new", []kept.Reason{kept.Replaced}},
		{"half was written", func(t *testing.T, c Options, _ string) { write(t, c, "newcontent") }, "new",
			[]kept.Reason{kept.Replaced}},
		{"all was written", func(t *testing.T, c Options, _ string) { write(t, c, "new") }, "new", nil},
		{"all was done", func(t *testing.T, c Options, temporary string) {
			write(t, c, "new")
			remove(t, c, temporary)
		}, "new", nil},
		{"another has taken its place since",
			func(t *testing.T, c Options, _ string) { foldertest.Replace(t, c.Root, "f", "another") }, "another", nil},
		{"it was deleted since", func(t *testing.T, c Options, _ string) { remove(t, c, "f") }, "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, temporary := rewriting(t)
			p := openRewriting(t, c, at)
			if err := os.Chtimes(filepath.Join(c.Root, temporary), at, at); err != nil {
				t.Fatal(err)
			}
			markAs(t, p)
			inode := foldertest.Inode(t, filepath.Join(c.Root, "f"))
			tt.half(t, c, temporary)

			if err := p.finishRewrites(); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(filepath.Join(c.Root, "f"))
			if string(data) != tt.want || err != nil && tt.want != "" {
				t.Errorf("it holds %q, %v", data, err)
			}
			if tt.kept != nil && foldertest.Inode(t, filepath.Join(c.Root, "f")) != inode {
				t.Error("it is another file")
			}
			versions, err := p.kept.List("")
			var reasons []kept.Reason
			for _, v := range versions {
				reasons = append(reasons, v.Reason)
			}
			if err != nil || !slices.Equal(reasons, tt.kept) {
				t.Errorf("kept: %v, %v", reasons, err)
			}
			if left := foldertest.Names(t, filepath.Join(c.StateDir, rewritesDir)); len(left) > 0 {
				t.Errorf("markers are left: %v", left)
			}
		})
	}
}

func write(t *testing.T, c Options, text string) {
	t.Helper()
	foldertest.Put(t, c.Root, "f", text)
}

func remove(t *testing.T, c Options, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(c.Root, name)); err != nil {
		t.Fatal(err)
	}
}

func TestRewriteGivesWay(t *testing.T) {
	t.Parallel()
	replace := func(t *testing.T, c Options) { foldertest.Replace(t, c.Root, "f", "another") }
	tests := []struct {
		name    string
		between func(t *testing.T, c Options)
		done    bool
		err     error
	}{
		{"as it was judged", func(*testing.T, Options) {}, true, nil},
		{"somebody wrote", func(t *testing.T, c Options) { write(t, c, "an edit in the pod") }, false, nil},
		{"another took its place", replace, false, nil},
		{"it is gone", func(t *testing.T, c Options) { remove(t, c, "f") }, false, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, temporary := rewriting(t)
			p := openRewriting(t, c, time.Now())
			p.finish(temporary, true)
			if err := p.keepVersion("f", kept.Replaced); err != nil {
				t.Fatal(err)
			}
			tt.between(t, c)
			done, err := p.rewrite(both(t, c, temporary))
			if done != tt.done || !errors.Is(err, tt.err) {
				t.Errorf("rewrite: %v, %v", done, err)
			}
		})
	}
}

func TestWhoWritesAtTheSameTimeIsNoticed(t *testing.T) {
	t.Parallel()
	c, temporary := rewriting(t)
	from, err := os.Open(filepath.Join(c.Root, temporary))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.OpenFile(filepath.Join(c.Root, "f"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	_, name := both(t, c, temporary)
	if err := overwrite(from, to, name); err != nil {
		t.Fatal(err)
	}
	at, err := to.Stat()
	if err != nil {
		t.Fatal(err)
	}
	write(t, c, "hey")
	if err := os.Chtimes(to.Name(), at.ModTime(), at.ModTime()); err != nil { // as if it came before the time was set
		t.Fatal(err)
	}
	if err := untorn(from, to, name); !errors.Is(err, errChanged) {
		t.Errorf("untorn: %v", err)
	}
	if info, err := to.Stat(); err != nil || info.ModTime().Equal(at.ModTime()) {
		t.Errorf("its time hides the change: %v", err)
	}
}

func BenchmarkPut(b *testing.B) {
	for _, inPlace := range []bool{true, false} {
		b.Run(fmt.Sprintf("in place %v", inPlace), func(b *testing.B) {
			c := options(b)
			c.InPod = true
			foldertest.Put(b, c.Root, "f", "old")
			p, err := Open(fs.FilesystemType("nhctl-bench-"+fmt.Sprint(inPlace, b.N)), c)
			if err != nil {
				b.Fatal(err)
			}
			p.index, p.inPod = known{time.Now()}, inPlace
			temporary := fs.TempName("f")
			for b.Loop() {
				foldertest.Put(b, c.Root, temporary, strings.Repeat("x", 4000))
				p.finish(temporary, true)
				err := p.keepVersion("f", kept.Replaced)
				from, to, release, openErr := rooted.OpenBoth(c.Root, temporary, "f")
				if err := errors.Join(err, openErr, p.put(from, to)); err != nil {
					b.Fatal(err)
				}
				release()
				p.Settle(time.Now())
			}
		})
	}
}
