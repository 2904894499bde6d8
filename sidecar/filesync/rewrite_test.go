//go:build linux

package filesync

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/syncthing/syncthing/lib/fs"

	"github.com/nhctl/nhctl/sidecar/filesync/kept"
)

func inodeOf(t testing.TB, file string) uint64 {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Ino
}

// replaceFile saves as editors do that put another file in place.
func replaceFile(t testing.TB, root, name, text string) {
	t.Helper()
	put(t, root, "../next", text)
	if err := os.Rename(filepath.Join(root, "../next"), filepath.Join(root, name)); err != nil {
		t.Fatal(err)
	}
}

func TestSavesArriveAsTheyWereMade(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		save  func(t testing.TB, root, name, text string)
		stays bool
	}{
		{"in place", put, true},
		{"replaced", replaceFile, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, a, b := newPair(t, Settings{Type: SendReceive})
			put(t, a, "dir/f", "the first content")
			p.start()
			p.wait()
			for _, text := range []string{"longer than the first content", "short", "", "again", strings.Repeat("much ", 100_000), strings.Repeat("more ", 1_200_000)} {
				before := inodeOf(t, filepath.Join(b, "dir/f"))
				tt.save(t, a, "dir/f", text)
				arrives(t, b, "dir/f", text)
				p.same()
				if stayed := inodeOf(t, filepath.Join(b, "dir/f")) == before; stayed != tt.stays {
					t.Errorf("%d bytes: the same file: %v, want %v", len(text), stayed, tt.stays)
				}
			}
			if left := names(t, filepath.Join(p.remote.config.StateDir, rewritesDir)); len(left) > 0 {
				t.Errorf("markers are left: %v", left)
			}
			if versions, err := p.remote.engine.Versions(""); err != nil || len(versions) > 0 {
				t.Errorf("versions of what the pod has not made: %v, %v", versions, err)
			}
		})
	}
}

func TestSavesAlternate(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	put(t, a, "f", "0")
	p.start()
	p.wait()
	for i := range 6 {
		before, text := inodeOf(t, filepath.Join(b, "f")), fmt.Sprint("save ", i)
		save := put
		if i%2 == 1 {
			save = replaceFile
		}
		save(t, a, "f", text)
		arrives(t, b, "f", text)
		p.same()
		if stayed := inodeOf(t, filepath.Join(b, "f")) == before; stayed != (i%2 == 0) {
			t.Errorf("save %d: the same file: %v", i, stayed)
		}
	}
}

func TestAnEditFromThePodIsReplacedOnTheComputer(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	put(t, a, "f", "home")
	p.start()
	p.wait()
	before := inodeOf(t, filepath.Join(a, "f"))
	put(t, b, "f", "from the pod")
	arrives(t, a, "f", "from the pod")
	p.same()
	if inodeOf(t, filepath.Join(a, "f")) == before {
		t.Error("the computer's file was written in place")
	}
	// That it is another file now is the pod's doing: the next save is in place all the same.
	before = inodeOf(t, filepath.Join(b, "f"))
	put(t, a, "f", "home again")
	arrives(t, b, "f", "home again")
	if inodeOf(t, filepath.Join(b, "f")) != before {
		t.Error("a save in place replaced the pod's file")
	}
	versions, err := p.remote.engine.Versions("f")
	if err != nil || len(versions) != 1 {
		t.Fatalf("versions of the pod's own content: %v, %v", versions, err)
	}
	if data, err := p.remote.engine.Version(versions[0].ID); err != nil || string(data) != "from the pod" {
		t.Errorf("kept: %q, %v", data, err)
	}
}

func TestAFileWithOtherNamesIsReplaced(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	put(t, a, "f", "one")
	p.start()
	p.wait()
	other := filepath.Join(b, "../other")
	if err := os.Link(filepath.Join(b, "f"), other); err != nil {
		t.Fatal(err)
	}
	put(t, a, "f", "two")
	arrives(t, b, "f", "two")
	if data, err := os.ReadFile(other); err != nil || string(data) != "one" {
		t.Errorf("the other name has %q, %v", data, err)
	}
}

func TestAProgramThatReadsOnSeesWhatIsAppended(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	put(t, a, "log", "one\n")
	p.start()
	p.wait()
	open, err := os.Open(filepath.Join(b, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	var seen bytes.Buffer
	put(t, a, "log", "one\ntwo\n")
	eventually(t, func() error {
		if _, err := seen.ReadFrom(open); err != nil {
			return err
		}
		if seen.String() != "one\ntwo\n" {
			return fmt.Errorf("it has read %q", seen.String())
		}
		return nil
	})
}

func TestTheModeOfAFileComesInPlace(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	put(t, a, "run.sh", "exit 0")
	p.start()
	p.wait()
	before := inodeOf(t, filepath.Join(b, "run.sh"))
	p.cut() // so that both come at once
	put(t, a, "run.sh", "exit 1")
	if err := os.Chmod(filepath.Join(a, "run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	p.connect()
	p.same()
	if inodeOf(t, filepath.Join(b, "run.sh")) != before {
		t.Error("it was replaced")
	}
}

// known is an index that says that all is the other side's, and was saved in place at a time.
type known struct{ at time.Time }

func (known) ours(string) bool                    { return false }
func (known) has(string) bool                     { return false }
func (known) knows(string) bool                   { return true }
func (known) own(string, bool)                    {}
func (k known) incoming(string) (time.Time, bool) { return k.at, true }
func (known) unchanged(string, os.FileInfo) bool  { return true }
func (known) known() int                          { return 0 }
func (known) excessive(int, int) bool             { return false }
func (known) judge(int, int) bool                 { return false }

func openRewriting(t *testing.T, c Config, at time.Time) *place {
	t.Helper()
	p, err := openPlace(fs.FilesystemType("nhctl-"+strings.ReplaceAll(t.Name(), "/", "-")), c)
	if err != nil {
		t.Fatal(err)
	}
	p.index = known{at}
	return p
}

// rewriting is a folder with a file, and a complete one that is to take its place.
func rewriting(t *testing.T) (c Config, temporary string) {
	t.Helper()
	dir := t.TempDir()
	c = Config{FolderID: "f", Root: filepath.Join(dir, "root"), StateDir: filepath.Join(dir, "state"), KeptDir: filepath.Join(dir, "kept"), Side: Remote}
	if err := os.MkdirAll(c.StateDir, 0o700); err != nil {
		t.Fatal(err)
	}
	temporary = fs.TempName("f")
	put(t, c.Root, "f", "old content")
	put(t, c.Root, temporary, "new")
	return c, temporary
}

func TestAHalfWrittenFileIsCompletedAtTheNextStart(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 1, 2, 3, 4, 5, 6, time.UTC)
	tests := []struct {
		name string
		half func(t *testing.T, c Config, temporary string)
		want string
		kept []kept.Reason
	}{
		{"nothing was written", func(*testing.T, Config, string) {}, "new", []kept.Reason{kept.Replaced}},
		{"half was written", func(t *testing.T, c Config, _ string) { write(t, c, "newcontent") }, "new", []kept.Reason{kept.Replaced}},
		{"all was written", func(t *testing.T, c Config, _ string) { write(t, c, "new") }, "new", nil},
		{"all was done", func(t *testing.T, c Config, temporary string) {
			write(t, c, "new")
			remove(t, c, temporary)
		}, "new", nil},
		{"another has taken its place since", func(t *testing.T, c Config, _ string) { replaceFile(t, c.Root, "f", "another") }, "another", nil},
		{"it was deleted since", func(t *testing.T, c Config, _ string) { remove(t, c, "f") }, "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, temporary := rewriting(t)
			p := openRewriting(t, c, at)
			if err := os.Chtimes(filepath.Join(c.Root, temporary), at, at); err != nil {
				t.Fatal(err)
			}
			if _, err := p.mark("f"); err != nil {
				t.Fatal(err)
			}
			inode := inodeOf(t, filepath.Join(c.Root, "f"))
			tt.half(t, c, temporary)

			if err := p.finishRewrites(); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(filepath.Join(c.Root, "f"))
			if string(data) != tt.want || err != nil && tt.want != "" {
				t.Errorf("it holds %q, %v", data, err)
			}
			if tt.kept != nil && inodeOf(t, filepath.Join(c.Root, "f")) != inode {
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
			if left := names(t, filepath.Join(c.StateDir, rewritesDir)); len(left) > 0 {
				t.Errorf("markers are left: %v", left)
			}
		})
	}
}

func write(t *testing.T, c Config, text string) {
	t.Helper()
	put(t, c.Root, "f", text)
}

func remove(t *testing.T, c Config, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(c.Root, name)); err != nil {
		t.Fatal(err)
	}
}

// TestAPodThatDiedWhileItWrote lets two engines meet again after one has died in the middle.
func TestAPodThatDiedWhileItWrote(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	put(t, a, "f", "the old content")
	p.start()
	p.same()
	p.cut()
	p.remote.kill()
	put(t, a, "f", "new")
	info, err := os.Stat(filepath.Join(a, "f"))
	if err != nil {
		t.Fatal(err)
	}
	put(t, b, fs.TempName("f"), "new")
	if err := os.Chtimes(filepath.Join(b, fs.TempName("f")), info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	half := &place{root: b, state: p.remote.config.StateDir}
	if _, err := half.mark("f"); err != nil {
		t.Fatal(err)
	}
	put(t, b, "f", "newold content")
	p.remote.start()
	p.connect()
	p.same()
	if diff := cmp.Diff(map[string]string{"f": "-rw-r--r-- new"}, list(t, a)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, e := range []*Engine{p.local.engine, p.remote.engine} {
		if conflicts, err := e.Conflicts(); err != nil || len(conflicts) > 0 {
			t.Errorf("conflicts: %v, %v", conflicts, err)
		}
	}
}

func TestRewriteGivesWay(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		meanwhile func(t *testing.T, c Config)
		done      bool
		err       error
	}{
		{"as it was judged", func(*testing.T, Config) {}, true, nil},
		{"somebody wrote", func(t *testing.T, c Config) { write(t, c, "an edit in the pod") }, false, nil},
		{"another took its place", func(t *testing.T, c Config) { replaceFile(t, c.Root, "f", "another") }, false, nil},
		{"it is gone", func(t *testing.T, c Config) { remove(t, c, "f") }, false, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, temporary := rewriting(t)
			p := openRewriting(t, c, time.Now())
			p.finish(temporary, true)
			if err := p.keep("f", kept.Replaced); err != nil {
				t.Fatal(err)
			}
			tt.meanwhile(t, c)
			done, err := p.rewrite(temporary, "f")
			if done != tt.done || !errors.Is(err, tt.err) {
				t.Errorf("rewrite: %v, %v", done, err)
			}
		})
	}
}

func TestWhoWritesAtTheSameTimeIsNoticed(t *testing.T) {
	t.Parallel()
	c, temporary := rewriting(t)
	p := openRewriting(t, c, time.Now())
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
	if err := overwrite(from, to); err != nil {
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
	if err := p.untorn(from, to); !errors.Is(err, errMeanwhile) {
		t.Errorf("untorn: %v", err)
	}
	if info, err := to.Stat(); err != nil || info.ModTime().Equal(at.ModTime()) {
		t.Errorf("its time hides the change: %v", err)
	}
}

func BenchmarkPut(b *testing.B) {
	for _, inPlace := range []bool{true, false} {
		b.Run(fmt.Sprintf("in place %v", inPlace), func(b *testing.B) {
			dir := b.TempDir()
			c := Config{FolderID: "f", Root: filepath.Join(dir, "root"), StateDir: filepath.Join(dir, "state"), KeptDir: filepath.Join(dir, "kept"), Side: Remote}
			_ = os.MkdirAll(c.StateDir, 0o700)
			put(b, c.Root, "f", "old")
			p, err := openPlace(fs.FilesystemType("nhctl-bench-"+fmt.Sprint(inPlace, b.N)), c)
			if err != nil {
				b.Fatal(err)
			}
			p.index, p.inPod = known{time.Now()}, inPlace
			temporary := fs.TempName("f")
			for b.Loop() {
				put(b, c.Root, temporary, strings.Repeat("x", 4000))
				p.finish(temporary, true)
				if err := errors.Join(p.keep("f", kept.Replaced), p.put(temporary, "f")); err != nil {
					b.Fatal(err)
				}
				p.settle(time.Now())
			}
		})
	}
}
