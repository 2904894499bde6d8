//go:build linux

package filesync

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/syncthing/syncthing/lib/fs"

	"github.com/nhctl/nhctl/sidecar/filesync/foldertest"
)

func TestSavesArriveAsTheyWereMade(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		save  func(t testing.TB, root, name, text string)
		stays bool
	}{
		{"in place", foldertest.Put, true},
		{"replaced", foldertest.Replace, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, a, b := newPair(t, Settings{Type: SendReceive})
			foldertest.Put(t, a, "dir/f", "the first content")
			p.start()
			p.wait()
			for _, text := range []string{"longer than the first content", "short", "", "again",
				strings.Repeat("much ", 100_000), strings.Repeat("more ", 1_200_000)} {
				before := foldertest.Inode(t, filepath.Join(b, "dir/f"))
				tt.save(t, a, "dir/f", text)
				arrives(t, b, "dir/f", text)
				p.same()
				if stayed := foldertest.Inode(t, filepath.Join(b, "dir/f")) == before; stayed != tt.stays {
					t.Errorf("%d bytes: the same file: %v, want %v", len(text), stayed, tt.stays)
				}
			}
			if left := foldertest.Names(t, filepath.Join(p.remote.config.StateDir, "rewrites")); len(left) > 0 {
				t.Errorf("markers are left: %v", left)
			}
			if versions, err := p.remote.engine.Versions(""); err != nil || len(versions) > 0 {
				t.Errorf("versions of what the pod has not made: %v, %v", versions, err)
			}
		})
	}
}

// What was saved while no daemon ran arrives as it was made, too.
func TestSavesWhileNoDaemonRuns(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	foldertest.Put(t, a, "f", "0")
	p.start()
	p.wait()
	for i, save := range []func(testing.TB, string, string, string){
		foldertest.Put, foldertest.Replace, foldertest.Replace, foldertest.Put, foldertest.Put,
	} {
		before, text := foldertest.Inode(t, filepath.Join(b, "f")), fmt.Sprint("save ", i)
		p.cut()
		p.local.kill()
		save(t, a, "f", text)
		p.local.start()
		p.connect()
		arrives(t, b, "f", text)
		p.same()
		inPlace := i == 0 || i > 2
		if stayed := foldertest.Inode(t, filepath.Join(b, "f")) == before; stayed != inPlace {
			t.Errorf("save %d: the same file: %v", i, stayed)
		}
	}
}

// What the daemon had in its index when it ended, and the pod had not heard of, is written in one step: how it was
// saved is not known any more.
func TestIndexedButNotTold(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	foldertest.Put(t, a, "f", "0")
	p.start()
	p.wait()
	before := foldertest.Inode(t, filepath.Join(b, "f"))
	p.cut()
	const text = "another one"
	foldertest.Replace(t, a, "f", text)
	eventually(t, func() error {
		f, ok, err := p.local.engine.model.CurrentFolderFile(p.local.config.FolderID, "f")
		if err != nil || !ok || f.Size != int64(len(text)) {
			return fmt.Errorf("in the index: %v, %v", f, err)
		}
		return nil
	})
	p.local.kill()
	p.local.start()
	p.connect()
	arrives(t, b, "f", text)
	p.same()
	if foldertest.Inode(t, filepath.Join(b, "f")) == before {
		t.Error("it was written in place")
	}
}

func TestSavesAlternate(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	foldertest.Put(t, a, "f", "0")
	p.start()
	p.wait()
	for i := range 6 {
		before, text := foldertest.Inode(t, filepath.Join(b, "f")), fmt.Sprint("save ", i)
		save := foldertest.Put
		if i%2 == 1 {
			save = foldertest.Replace
		}
		save(t, a, "f", text)
		arrives(t, b, "f", text)
		p.same()
		if stayed := foldertest.Inode(t, filepath.Join(b, "f")) == before; stayed != (i%2 == 0) {
			t.Errorf("save %d: the same file: %v", i, stayed)
		}
	}
}

func TestAnEditFromThePodIsReplacedOnTheComputer(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	foldertest.Put(t, a, "f", "home")
	p.start()
	p.wait()
	before := foldertest.Inode(t, filepath.Join(a, "f"))
	foldertest.Put(t, b, "f", "from the pod")
	arrives(t, a, "f", "from the pod")
	p.same()
	if foldertest.Inode(t, filepath.Join(a, "f")) == before {
		t.Error("the computer's file was written in place")
	}
	// That it is another file now is the pod's doing: the next save is in place all the same.
	before = foldertest.Inode(t, filepath.Join(b, "f"))
	foldertest.Put(t, a, "f", "home again")
	arrives(t, b, "f", "home again")
	if foldertest.Inode(t, filepath.Join(b, "f")) != before {
		t.Error("a save in place replaced the pod's file")
	}
	versions, err := p.remote.engine.Versions("f")
	if err != nil || len(versions) != 1 {
		t.Fatalf("versions of the pod's own content: %v, %v", versions, err)
	}
	file, size, err := p.remote.engine.Version(versions[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if data, err := io.ReadAll(file); err != nil || string(data) != "from the pod" || size != int64(len(data)) {
		t.Errorf("kept: %q of %d bytes, %v", data, size, err)
	}
}

func TestAFileWithOtherNamesIsReplaced(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	foldertest.Put(t, a, "f", "one")
	p.start()
	p.wait()
	other := filepath.Join(b, "../other")
	if err := os.Link(filepath.Join(b, "f"), other); err != nil {
		t.Fatal(err)
	}
	foldertest.Put(t, a, "f", "two")
	arrives(t, b, "f", "two")
	if data, err := os.ReadFile(other); err != nil || string(data) != "one" {
		t.Errorf("the other name has %q, %v", data, err)
	}
}

func TestAProgramThatReadsOnSeesWhatIsAppended(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	foldertest.Put(t, a, "log", "one\n")
	p.start()
	p.wait()
	open, err := os.Open(filepath.Join(b, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	var seen bytes.Buffer
	foldertest.Put(t, a, "log", "one\ntwo\n")
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
	foldertest.Put(t, a, "run.sh", "exit 0")
	p.start()
	p.wait()
	before := foldertest.Inode(t, filepath.Join(b, "run.sh"))
	p.cut() // so that both come at once
	foldertest.Put(t, a, "run.sh", "exit 1")
	if err := os.Chmod(filepath.Join(a, "run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	p.connect()
	p.same()
	if foldertest.Inode(t, filepath.Join(b, "run.sh")) != before {
		t.Error("it was replaced")
	}
}

// TestAPodThatDiedWhileItWrote lets two engines meet again after one has died in the middle.
func TestAPodThatDiedWhileItWrote(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	foldertest.Put(t, a, "f", "the old content")
	p.start()
	p.same()
	p.cut()
	p.remote.kill()
	foldertest.Put(t, a, "f", "new")
	info, err := os.Stat(filepath.Join(a, "f"))
	if err != nil {
		t.Fatal(err)
	}
	foldertest.Put(t, b, fs.TempName("f"), "new")
	if err := os.Chtimes(filepath.Join(b, fs.TempName("f")), info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	half(t, p.remote.config, "f")
	foldertest.Put(t, b, "f", "newold content")
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

// half marks a file as half written, as the engine does before it writes into one.
func half(t *testing.T, c Config, name string) {
	t.Helper()
	info, err := os.Stat(filepath.Join(c.Root, name))
	if err != nil {
		t.Fatal(err)
	}
	s, sum := info.Sys().(*syscall.Stat_t), sha256.Sum256([]byte(name))
	foldertest.Put(t, filepath.Join(c.StateDir, "rewrites"), hex.EncodeToString(sum[:16]),
		fmt.Sprintf("%d:%d\n%s", s.Dev, s.Ino, name))
}
