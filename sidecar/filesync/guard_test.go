package filesync

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/sidecar/filesync/foldertest"
	"github.com/nhctl/nhctl/sidecar/filesync/watch"
)

// stops waits until a side holds a mass deletion.
func (e *end) stops() *Deletion {
	e.t.Helper()
	eventually(e.t, func() error {
		if e.engine.Held() == nil {
			return errors.New("sync goes on")
		}
		return nil
	})
	return e.engine.Held()
}

func files(t testing.TB, root string) int {
	t.Helper()
	n := 0
	for _, what := range list(t, root) {
		if what != "folder" {
			n++
		}
	}
	return n
}

// pauses counts how often a goroutine had to wait for longer than the guard does, until stop is called: others of this
// process, and this process among others, wait as often.
func pauses() (stop func() int) {
	end, n := make(chan struct{}), make(chan int)
	go func() {
		count, last := 0, time.Now()
		tick := time.NewTicker(settling / 10)
		defer tick.Stop()
		for {
			select {
			case <-end:
				n <- count
				return
			case <-tick.C:
				if time.Since(last) > settling/2 {
					count++
				}
				last = time.Now()
			}
		}
	}()
	return func() int { close(end); return <-n }
}

// deleteAll deletes all below a folder, file by file, and returns how often it was interrupted.
func deleteAll(t testing.TB, root string) (interrupted int) {
	t.Helper()
	var all []string
	if err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		all = append(all, path)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	last := time.Now()
	for _, path := range slices.Backward(all[1:]) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if time.Since(last) > settling/2 {
			interrupted++
		}
		last = time.Now()
	}
	return interrupted
}

// Not one file of a mass deletion gets through, however it is done. On a busy computer, where whoever deletes, or
// looks, has to wait in between, it may be a few each time.
func TestGuardHoldsAll(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"", "src"} {
		for _, side := range []Side{Local, Remote} {
			t.Run(fmt.Sprintf("%q on the %s side", dir, side), func(t *testing.T) {
				t.Parallel()
				p, a, b := newPair(t, Settings{Type: SendReceive, DeleteProtection: true})
				populate(t, a, 100)
				foldertest.Put(t, a, "top", "1")
				p.start()
				p.same()
				want := files(t, a)
				from, there, other := p.local, a, b
				if side == Remote {
					from, there, other = p.remote, b, a
				}
				stop := sync.OnceValue(pauses())
				t.Cleanup(func() { stop() })
				interrupted := deleteAll(t, filepath.Join(there, dir))
				from.stops()
				interrupted += stop()
				if left := files(t, other); left < want-few*interrupted {
					t.Errorf("%d of %d files are left on the other side, after %d pauses", left, want, interrupted)
				}
			})
		}
	}
}

// What is seen first of a folder that is gone may be one file of it: the folder is looked at, not the file.
func TestGuardLooksAtWholeFolders(t *testing.T) {
	t.Parallel()
	p, a, _ := newPair(t, Settings{Type: SendReceive, DeleteProtection: true})
	populate(t, a, 60)
	foldertest.Put(t, a, "top", "1")
	p.start()
	p.same()
	vanish(t, a)
	if err := os.Remove(filepath.Join(a, "top")); err != nil {
		t.Fatal(err)
	}
	paths, whole := p.local.engine.sort(watch.Batch{Paths: []string{"src/dir4/file9", "top", "src/dir4/file8"}})
	if diff := cmp.Diff([]string{"src", "top"}, paths); diff != "" || whole {
		t.Errorf("looks at everything: %v, else (-want +got)\n%s", whole, diff)
	}
}

// Who deletes on and on, a file at a time, is asked once the limit is reached.
func TestGuardSumsUp(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive, DeleteProtection: true})
	p.local.config.together = waitLimit // however slow the scans are
	populate(t, a, 60)
	p.start()
	p.same()
	for i := range 40 {
		if err := os.Remove(filepath.Join(a, fmt.Sprintf("src/dir%d/file%d", i%5, i))); err != nil {
			t.Fatal(err)
		}
		if i%8 == 7 {
			_ = p.local.engine.Scan(t.Context())
		}
	}
	held := p.local.stops()
	if left := files(t, b); left < 60-DefaultGuard.Files {
		t.Errorf("%d of 60 files are left on the other side; %+v", left, held)
	}
	if _, err := p.local.engine.Accept(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.same()
	if left := files(t, b); left != 20 {
		t.Errorf("%d files are left after all", left)
	}
}

func TestGuardLimits(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		guard Guard
		gone  int // of 40
		held  bool
	}{
		"above both":            {Guard{Percent: 10, Files: 4}, 8, true},
		"few files":             {Guard{Percent: 10, Files: 20}, 20, false},
		"a small part":          {Guard{Percent: 60, Files: 4}, 24, false},
		"any deletion":          {Guard{}, 1, true},
		"what others are asked": {DefaultGuard, 21, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, a, b := newPair(t, Settings{Type: SendReceive, DeleteProtection: true, Guard: &tt.guard})
			for i := range 40 {
				dir := "src"
				if i >= tt.gone {
					dir = "stays"
				}
				foldertest.Put(t, a, fmt.Sprintf("%s/file%d", dir, i), "content")
			}
			p.start()
			p.same()
			vanish(t, a)
			if !tt.held {
				p.same()
				return
			}
			if held := p.local.stops(); held.Files != tt.gone || files(t, b) != 40 {
				t.Errorf("%+v; %d files on the other side", held, files(t, b))
			}
		})
	}
}

// A root that is gone, or a disk that is not there any more, is no wish to delete; and sync goes on once it is back.
func TestRootGone(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive, DeleteProtection: true})
	populate(t, a, 30)
	p.start()
	p.same()
	want := list(t, b)
	if err := os.Rename(a, a+".away"); err != nil {
		t.Fatal(err)
	}
	if err := p.local.engine.Scan(t.Context()); err == nil {
		t.Error("the scan of a folder that is gone succeeded")
	}
	p.local.fails("nothing is deleted on the other side")
	foldertest.Put(t, b, "later", "1") // what comes in the meantime must not go into another folder
	if diff := cmp.Diff(len(want)+1, len(list(t, b))); diff != "" {
		t.Error(diff)
	}
	if err := os.Rename(a+".away", a); err != nil {
		t.Fatal(err)
	}
	p.same()
	arrives(t, a, "later", "1")
	foldertest.Put(t, a, "src/dir0/file0", "after")
	arrives(t, b, "src/dir0/file0", "after")
}

// The end of a session that waits for a decision leaves both sides as they are, and the next one asks again.
func TestGuardOutlivesTheEngine(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive, DeleteProtection: true})
	populate(t, a, 60)
	p.start()
	p.same()
	vanish(t, a)
	p.local.stops()
	p.cut()
	p.local.kill()
	p.local.start()
	p.connect()
	p.local.stops()
	if n, err := p.local.engine.Restore(limited(t)); n < 60 || err != nil {
		t.Fatalf("restored %d, %v", n, err)
	}
	p.same()
	if files(t, b) != 60 {
		t.Errorf("%d files are left", files(t, b))
	}
}
