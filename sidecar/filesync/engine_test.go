package filesync

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/sidecar/filesync/foldertest"
)

func TestEveryKindOfChange(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive, GitIgnore: true})
	foldertest.Put(t, a, "edit.txt", "one")
	foldertest.Put(t, a, "rename.txt", "same")
	foldertest.Put(t, a, "chmod.sh", "#!/bin/sh")
	foldertest.Put(t, a, "delete.txt", "x")
	foldertest.Put(t, a, ".gitignore", "*.log\nbuild/\n")
	foldertest.Put(t, a, "x.log", "not yours")
	foldertest.Put(t, a, "build/out.o", "not yours")
	foldertest.Put(t, a, ".git/config", "never")
	foldertest.Put(t, a, "ümläut/файл 1.txt", "unicode")
	p.start()
	p.wait()
	for _, name := range []string{"x.log", "build", ".git", ".stfolder", ".stignore"} {
		if _, err := os.Lstat(filepath.Join(b, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is on the other side", name)
		}
	}
	for _, name := range []string{".stfolder", ".stignore"} {
		if _, err := os.Lstat(filepath.Join(a, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is in the user's folder", name)
		}
	}

	foldertest.Put(t, a, "edit.txt", "two")
	foldertest.Put(t, a, "new/deep/er/file.txt", "hello")
	big := make([]byte, 5<<20)
	_, _ = rand.Read(big)
	foldertest.Put(t, a, "big.bin", string(big))
	for _, err := range []error{
		os.Rename(filepath.Join(a, "rename.txt"), filepath.Join(a, "renamed.txt")),
		os.Chmod(filepath.Join(a, "chmod.sh"), 0o755),
		os.Remove(filepath.Join(a, "delete.txt")),
		os.Symlink("edit.txt", filepath.Join(a, "link")),
		os.Symlink("/etc/passwd", filepath.Join(a, "outside")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	arrives(t, b, "new/deep/er/file.txt", "hello")
	arrives(t, b, "edit.txt", "two")
	p.wait()
	got := list(t, b)
	want := list(t, a)
	for _, name := range []string{"x.log", "build", "build/out.o", ".git", ".git/config"} {
		delete(want, name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-local +remote)\n%s", diff)
	}
	if data, err := os.ReadFile(filepath.Join(b, "big.bin")); err != nil || !bytes.Equal(data, big) {
		t.Errorf("the big file differs: %v", err)
	}
	// The other way.
	foldertest.Put(t, b, "from-pod.txt", "generated")
	arrives(t, a, "from-pod.txt", "generated")
}

func TestEditsWhileApart(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	foldertest.Put(t, a, "one", "1")
	foldertest.Put(t, a, "two", "2")
	p.start()
	p.same()
	p.cut()
	foldertest.Put(t, a, "one", "1 from here")
	foldertest.Put(t, b, "two", "2 from there")
	foldertest.Put(t, b, "three", "3 from there")
	p.connect()
	p.same()
	arrives(t, b, "one", "1 from here")
	arrives(t, a, "two", "2 from there")
	arrives(t, a, "three", "3 from there")
}

func TestBothEditTheSameFile(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	foldertest.Put(t, a, "f.txt", "base")
	p.start()
	p.same()
	p.cut()
	foldertest.Put(t, a, "f.txt", "mine")
	foldertest.Put(t, b, "f.txt", "theirs")
	p.connect()
	p.same()
	if diff := cmp.Diff([]string{"f.txt"}, foldertest.Names(t, a)); diff != "" {
		t.Errorf("no conflict copy may lie among the sources:\n%s", diff)
	}
	texts := append(lost(t, p.local.engine), lost(t, p.remote.engine)...)
	data, err := os.ReadFile(filepath.Join(a, "f.txt"))
	if err != nil {
		t.Fatal(err)
	}
	texts = append(texts, string(data))
	sort.Strings(texts)
	if diff := cmp.Diff([]string{"mine", "theirs"}, texts); diff != "" {
		t.Errorf("both contents must live on:\n%s", diff)
	}
}

// An engine that was killed must know afterwards what was deleted in the meantime, instead of restoring it.
func TestDeletionWhileDead(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	foldertest.Put(t, a, "keep", "k")
	foldertest.Put(t, a, "gone", "g")
	p.start()
	p.same()
	p.cut()
	p.local.kill()
	if err := os.Remove(filepath.Join(a, "gone")); err != nil {
		t.Fatal(err)
	}
	foldertest.Put(t, a, "new", "n")
	p.local.start()
	p.connect()
	p.same()
	if diff := cmp.Diff([]string{"keep", "new"}, foldertest.Names(t, b)); diff != "" {
		t.Error(diff)
	}
}

// A pod that comes back with an empty volume (and so without an index) must get everything, and delete nothing.
func TestPodComesBackEmpty(t *testing.T) {
	t.Parallel()
	p, a, _ := newPair(t, Settings{Type: SendReceive})
	for i := range 30 {
		foldertest.Put(t, a, fmt.Sprintf("dir%d/file", i), "content")
	}
	p.start()
	p.same()
	p.lose(func() {})
	p.same()
	if got := len(foldertest.Names(t, a)); got != 30 {
		t.Errorf("%d of 30 folders are left here", got)
	}
}

// A folder that was taken away, such as an unmounted disk, is no wish to delete.
func TestFolderReplaced(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	foldertest.Put(t, a, "file", "precious")
	p.start()
	p.same()
	if err := os.Rename(a, a+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(a, 0o755); err != nil {
		t.Fatal(err)
	}
	_ = p.local.engine.Scan(t.Context())
	p.local.fails("replaced or unmounted")
	arrives(t, b, "file", "precious")
}

func TestSendLeavesThePodsFiles(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: Send})
	foldertest.Put(t, a, "src", "s")
	p.start()
	p.wait()
	foldertest.Put(t, b, "made-in-pod", "m")
	foldertest.Put(t, a, "src", "s2")
	p.wait()
	arrives(t, b, "src", "s2")
	arrives(t, b, "made-in-pod", "m")
	if diff := cmp.Diff([]string{"src"}, foldertest.Names(t, a)); diff != "" {
		t.Error(diff)
	}
}

func TestRulesChange(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive, GitIgnore: true})
	foldertest.Put(t, a, "cache/data", "1")
	foldertest.Put(t, a, "src", "s")
	p.start()
	p.same()
	foldertest.Put(t, a, ".gitignore", "cache/\n")
	p.wait()
	// Newly ignored files stay where they are, on both sides, and go their own ways.
	foldertest.Put(t, a, "cache/data", "2")
	p.wait()
	arrives(t, b, "cache/data", "1")
	arrives(t, a, "cache/data", "2")
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		settings Settings
		want     []string
	}{
		"files only": {Settings{Type: SendReceive, FilePatterns: []string{"/src"}}, []string{"src"}},
		"from the root": {Settings{Type: SendReceive, FilePatterns: []string{"./src", "./doc/"},
			IgnorePatterns: []string{"./doc"}}, []string{"src"}},
		"ignore wins": {Settings{Type: SendReceive, FilePatterns: []string{"."}, IgnorePatterns: []string{"*.tmp"}},
			[]string{"doc", "src"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, a, b := newPair(t, tt.settings)
			foldertest.Put(t, a, "src/main.go", "x")
			foldertest.Put(t, a, "doc/a.md", "x")
			foldertest.Put(t, a, "x.tmp", "x")
			p.start()
			p.wait()
			if diff := cmp.Diff(tt.want, foldertest.Names(t, b)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func BenchmarkSave(b *testing.B) {
	p, local, remote := newPair(b, Settings{Type: SendReceive, GitIgnore: true})
	p.start()
	p.wait()
	rest, look := time.NewTicker(300*time.Millisecond), time.NewTicker(200*time.Microsecond)
	defer rest.Stop()
	defer look.Stop()
	var times []time.Duration
	for i := 0; b.Loop(); i++ {
		<-rest.C
		text := fmt.Sprintf("%d %s", i, strings.Repeat("x", 2000))
		_ = os.WriteFile(filepath.Join(local, "f"), []byte(text), 0o644)
		begin := time.Now()
		for {
			if data, err := os.ReadFile(filepath.Join(remote, "f")); err == nil && string(data) == text {
				break
			}
			<-look.C
		}
		times = append(times, time.Since(begin))
	}
	sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
	b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, "p99-ms")
}

// The first save into an empty folder waits for nothing.
func BenchmarkConnect(b *testing.B) {
	p, local, remote := newPair(b, Settings{Type: SendReceive})
	p.start()
	foldertest.Put(b, local, "f", "0")
	p.wait()
	for i := 0; b.Loop(); i++ {
		p.cut()
		text := fmt.Sprint("edit ", i)
		foldertest.Put(b, local, "f", text)
		p.connect()
		arrives(b, remote, "f", text)
	}
}
