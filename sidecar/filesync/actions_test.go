package filesync

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/syncthing/syncthing/lib/config"

	"github.com/nhctl/nhctl/sidecar/filesync/foldertest"
)

// lost lists the contents that an engine keeps.
func lost(t testing.TB, e *Engine) []string {
	t.Helper()
	versions, err := e.Versions("")
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{}
	for _, v := range versions {
		data, err := os.ReadFile(filepath.Join(e.config.KeptDir, v.ID))
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(data))
	}
	sort.Strings(texts)
	return texts
}

// waitLimit limits every wait: far more than it takes, also on a busy machine under the race detector.
const waitLimit = 5 * time.Minute

func limited(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	t.Cleanup(cancel)
	return ctx
}

// What the other side overwrites or deletes is kept on the side that made it; what it made itself is not.
func TestVersions(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	foldertest.Put(t, a, "edited", "by the computer")
	foldertest.Put(t, a, "deleted", "by the computer too")
	p.start()
	p.same()
	foldertest.Put(t, b, "edited", "by the pod")
	if err := os.Remove(filepath.Join(b, "deleted")); err != nil {
		t.Fatal(err)
	}
	p.same()
	foldertest.Put(t, b, "edited", "by the pod again")
	p.same()
	if diff := cmp.Diff([]string{"by the computer", "by the computer too"}, lost(t, p.local.engine)); diff != "" {
		t.Errorf("kept here:\n%s", diff)
	}
	if diff := cmp.Diff([]string{}, lost(t, p.remote.engine)); diff != "" {
		t.Errorf("kept in the pod:\n%s", diff)
	}
	if n, err := p.local.engine.Recover(t.Context(), "deleted"); n != 1 || err != nil {
		t.Errorf("recover: %d, %v", n, err)
	}
	p.same()
	arrives(t, b, "deleted", "by the computer too")
}

func TestConflicts(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	foldertest.Put(t, a, "one.go", "base")
	foldertest.Put(t, a, "two.go", "base")
	p.start()
	p.same()
	p.cut()
	later := time.Now().Add(time.Hour)
	for _, name := range []string{"one.go", "two.go"} {
		foldertest.Put(t, a, name, "mine")
		foldertest.Put(t, b, name, "theirs")
		if err := os.Chtimes(filepath.Join(b, name), later, later); err != nil {
			t.Fatal(err)
		}
	}
	p.connect()
	p.same()
	arrives(t, a, "one.go", "theirs")
	s, err := p.local.engine.Status()
	if err != nil || s.Conflicts != 2 {
		t.Errorf("%d conflicts, %v", s.Conflicts, err)
	}
	if n, err := p.local.engine.Resolve(t.Context(), "one.go", true); n != 1 || err != nil {
		t.Errorf("resolve: %d, %v", n, err)
	}
	if n, err := p.local.engine.Resolve(t.Context(), "two.go", false); n != 1 || err != nil {
		t.Errorf("resolve: %d, %v", n, err)
	}
	p.same()
	arrives(t, b, "one.go", "mine")
	arrives(t, b, "two.go", "theirs")
	if s, err := p.local.engine.Status(); err != nil || s.Conflicts != 0 {
		t.Errorf("%d conflicts are left, %v", s.Conflicts, err)
	}
}

func TestPause(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	foldertest.Put(t, a, "f", "1")
	p.start()
	p.same()
	if err := p.local.engine.Pause(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	foldertest.Put(t, a, "f", "2")
	if s, err := p.local.engine.Status(); err != nil || s.State != StatePaused {
		t.Errorf("status: %+v, %v", s, err)
	}
	if err := p.local.engine.Wait(t.Context(), peer{p.remote.engine}); !errors.Is(err, ErrPaused) {
		t.Errorf("wait: %v", err)
	}
	arrives(t, b, "f", "1")
	if err := p.local.engine.Pause(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	p.same()
	arrives(t, b, "f", "2")
}

// A folder that rests from the beginning is never seen in any other state, and begins when sync goes on.
func TestPausedFromTheBeginning(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]bool{"a new folder": false, "one that was synced": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, a, b := newPair(t, Settings{Type: SendReceive})
			foldertest.Put(t, a, "f", "1")
			if known {
				p.start()
				p.same()
				p.cut()
				p.local.kill()
			} else {
				p.remote.start()
				t.Cleanup(func() { p.cut(); p.local.kill(); p.remote.kill() })
			}
			foldertest.Put(t, a, "f", "2")
			p.local.config.Paused = true
			engine, err := New(p.local.config)
			if err != nil {
				t.Fatal(err)
			}
			p.local.serve(engine)
			for ready := false; !ready; {
				select {
				case <-engine.running:
					ready = true
				default:
				}
				if s, err := engine.Status(); err != nil || s.State != StatePaused {
					t.Errorf("status: %+v, %v", s, err)
				}
			}
			p.connect()
			if err := engine.Wait(limited(t), peer{p.remote.engine}); !errors.Is(err, ErrPaused) {
				t.Errorf("wait: %v", err)
			}
			want := map[string]string{}
			if known {
				want["f"] = "-rw-r--r-- 1"
			}
			if diff := cmp.Diff(want, list(t, b)); diff != "" {
				t.Errorf("in the pod (-want +got):\n%s", diff)
			}
			if err := engine.Pause(limited(t), false); err != nil {
				t.Fatal(err)
			}
			p.same()
			arrives(t, b, "f", "2")
		})
	}
}

func TestOverride(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	foldertest.Put(t, a, "f", "1")
	p.start()
	p.same()
	p.cut()
	foldertest.Put(t, a, "f", "mine")
	foldertest.Put(t, b, "f", "from the pod")
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(b, "f"), later, later); err != nil {
		t.Fatal(err)
	}
	foldertest.Put(t, b, "more", "from the pod too")
	// The computer's end does not take the pod's first: it sends only from before it hears of it.
	if err := p.local.engine.modify(func(f *config.FolderConfiguration) {
		f.Type = config.FolderTypeSendOnly
	}); err != nil {
		t.Fatal(err)
	}
	p.connect()
	if _, err := p.local.engine.Override(limited(t), peer{p.remote.engine}); err != nil {
		t.Fatal(err)
	}
	p.same()
	if diff := cmp.Diff([]string{"f"}, foldertest.Names(t, b)); diff != "" {
		t.Error(diff)
	}
	arrives(t, b, "f", "mine")
	if diff := cmp.Diff([]string{"from the pod", "from the pod too"}, lost(t, p.remote.engine)); diff != "" {
		t.Errorf("kept in the pod:\n%s", diff)
	}
}

func TestReset(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	foldertest.Put(t, a, "f", "1")
	foldertest.Put(t, a, "dir/g", "2")
	p.start()
	p.same()
	for _, e := range []*Engine{p.local.engine, p.remote.engine} {
		if err := e.Reset(limited(t)); err != nil {
			t.Fatal(err)
		}
	}
	p.cut()
	p.connect()
	p.same()
	foldertest.Put(t, a, "f", "3")
	p.same()
	arrives(t, b, "f", "3")
	for _, e := range []*Engine{p.local.engine, p.remote.engine} {
		if s, err := e.Status(); err != nil || s.Conflicts != 0 {
			t.Errorf("%d conflicts, %v", s.Conflicts, err)
		}
	}
}

// Two folders that were never joined: the computer's content wins, and the pod's is kept.
func TestFirstJoin(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	foldertest.Put(t, a, "both", "mine")
	foldertest.Put(t, a, "same", "same")
	foldertest.Put(t, b, "both", "theirs")
	foldertest.Put(t, b, "same", "same")
	foldertest.Put(t, b, "extra", "from the image")
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(b, "both"), later, later); err != nil {
		t.Fatal(err)
	}
	p.local.start()
	p.remote.start()
	t.Cleanup(func() { p.cut(); p.local.kill(); p.remote.kill() })
	ctx := limited(t)
	mine, err := p.local.engine.Content(ctx)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := p.remote.engine.Content(ctx)
	if err != nil {
		t.Fatal(err)
	}
	differing := Differing(mine, theirs)
	if diff := cmp.Diff([]string{"both"}, differing); diff != "" {
		t.Error(diff)
	}
	if err := errors.Join(p.local.engine.Join(ctx, nil), p.remote.engine.Join(ctx, differing)); err != nil {
		t.Fatal(err)
	}
	p.connect()
	p.same()
	arrives(t, a, "both", "mine")
	arrives(t, b, "both", "mine")
	arrives(t, a, "extra", "from the image")
	if diff := cmp.Diff([]string{"theirs"}, lost(t, p.remote.engine)); diff != "" {
		t.Errorf("kept in the pod:\n%s", diff)
	}
}

func populate(t testing.TB, root string, n int) {
	t.Helper()
	for i := range n {
		foldertest.Put(t, root, fmt.Sprintf("src/dir%d/file%d", i%5, i), fmt.Sprintf("content %d", i))
	}
}

// vanish takes all away at once.
func vanish(t testing.TB, root string) {
	t.Helper()
	if err := os.Rename(filepath.Join(root, "src"), filepath.Join(t.TempDir(), "away")); err != nil {
		t.Fatal(err)
	}
}

// A mass deletion on either side stops sync, whatever finds it, until someone decides.
func TestDeletionGuard(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		remote bool // where it is deleted
		accept bool
		dead   bool // no one looked when it was
	}{
		"here, accepted":                     {accept: true},
		"here, restored":                     {},
		"in the pod, accepted":               {remote: true, accept: true},
		"in the pod, restored":               {remote: true},
		"here while no engine ran":           {dead: true},
		"in the pod while no engine ran":     {remote: true, dead: true},
		"here while dead, and meant so":      {dead: true, accept: true},
		"the pod's while dead, and meant so": {remote: true, dead: true, accept: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, a, b := newPair(t, Settings{Type: SendReceive, DeleteProtection: true})
			populate(t, a, 30)
			p.start()
			p.same()
			want := list(t, a)
			side, root, other := p.local, a, b
			if tt.remote {
				side, root, other = p.remote, b, a
			}
			if tt.dead {
				p.cut()
				side.kill()
				vanish(t, root)
				side.start()
				p.connect()
			} else {
				vanish(t, root)
			}
			eventually(t, func() error {
				if side.engine.Held() == nil {
					return errors.New("sync goes on")
				}
				return nil
			})
			if err := p.local.engine.Wait(limited(t), peer{p.remote.engine}); !errors.Is(err, ErrHeld) {
				t.Errorf("wait: %v", err)
			}
			if diff := cmp.Diff(want, list(t, other)); diff != "" {
				t.Fatalf("something was deleted on the other side:\n%s", diff)
			}
			if tt.accept {
				want = map[string]string{}
				if _, err := side.engine.Accept(limited(t)); err != nil {
					t.Fatal(err)
				}
			} else if n, err := side.engine.Restore(limited(t)); n < 30 || err != nil {
				t.Fatalf("restored %d, %v", n, err)
			}
			p.same()
			if diff := cmp.Diff(want, list(t, other)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			foldertest.Put(t, a, "after", "it goes on")
			arrives(t, b, "after", "it goes on")
		})
	}
}

// What is moved, or deleted in small numbers, or without protection, is no concern of the guard's.
func TestGuardLetsPass(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		protect bool
		files   int
		change  func(root string) error
	}{
		"a folder is renamed": {true, 60, func(root string) error {
			return os.Rename(filepath.Join(root, "src/dir1"), filepath.Join(root, "moved"))
		}},
		"a small part":  {true, 110, func(root string) error { return os.RemoveAll(filepath.Join(root, "src/dir1")) }},
		"few files":     {true, 15, func(root string) error { return os.RemoveAll(filepath.Join(root, "src/dir1")) }},
		"no protection": {false, 110, func(root string) error { return os.RemoveAll(filepath.Join(root, "src/dir1")) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, a, _ := newPair(t, Settings{Type: SendReceive, DeleteProtection: tt.protect})
			populate(t, a, tt.files)
			p.start()
			p.same()
			if err := tt.change(a); err != nil {
				t.Fatal(err)
			}
			p.same()
		})
	}
}

// Readers in the pod find a file at every moment while it is replaced, with one of its contents.
func TestReplacedInOneStep(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	foldertest.Put(t, a, "f", "0")
	p.start()
	p.same()
	done := make(chan struct{})
	missed := make(chan error, 1)
	go func() {
		defer close(missed)
		for {
			if _, err := os.ReadFile(filepath.Join(b, "f")); err != nil {
				missed <- err
				return
			}
			select {
			case <-done:
				return
			default:
			}
		}
	}()
	for i := range 30 {
		text := fmt.Sprint("edit ", i)
		foldertest.Put(t, a, "f", text)
		arrives(t, b, "f", text)
	}
	close(done)
	if err := <-missed; err != nil {
		t.Error(err)
	}
}
