package filesync

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/sidecar/filesync/foldertest"
)

// lose lets a pod come back with an empty volume, as long as do lasts without a connection.
func (p *pair) lose(do func()) {
	p.t.Helper()
	p.cut()
	p.remote.kill()
	for _, dir := range []string{p.remote.config.Root, p.remote.config.StateDir} {
		if err := os.RemoveAll(dir); err != nil {
			p.t.Fatal(err)
		}
	}
	if err := os.Mkdir(p.remote.config.Root, 0o755); err != nil {
		p.t.Fatal(err)
	}
	do()
	p.remote.start()
	p.connect()
}

// What a pod makes that came back empty is new, however often the one before it had changed the same files within the
// same second.
func TestPodCountsAnew(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	p.start()
	for i := range 20 {
		foldertest.Put(t, b, "edited", fmt.Sprint("old ", i))
		foldertest.Put(t, b, "deleted", fmt.Sprint("old ", i))
		p.same()
	}
	if err := os.Remove(filepath.Join(b, "deleted")); err != nil {
		t.Fatal(err)
	}
	p.same()
	p.lose(func() {
		foldertest.Put(t, b, "edited", "new")
		foldertest.Put(t, b, "deleted", "new too")
	})
	p.same()
	arrives(t, a, "edited", "new")
	arrives(t, a, "deleted", "new too")
}

// The state of a newer version, or one that can't be read, is refused with words and left as it is.
func TestStateOfANewerVersion(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, fails string }{
		"newer":        {`{"kind":"sync-state","version":2,"instance":["a"]}`, "a newer nhctl wrote it"},
		"another kind": {`{"kind":"other","version":1,"instance":"a"}`, `its kind is "other"`},
		"torn":         {`{"kind":"sync-`, "unexpected end of JSON input"},
		"nameless":     {`{"kind":"sync-state","version":1}`, "it names no index"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _, _ := newPair(t, Settings{Type: SendReceive})
			state := p.local.config.StateDir
			foldertest.Put(t, state, identityFile, tt.text)
			before := list(t, state)
			_, err := New(p.local.config)
			if err == nil || !strings.Contains(err.Error(), tt.fails) ||
				!strings.Contains(err.Error(), "remove "+state) {
				t.Errorf("%v, want %q and what to do", err, tt.fails)
			}
			if diff := cmp.Diff(before, list(t, state)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// An index keeps its name.
func TestIdentify(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := identify(dir)
	if err != nil || first == "" {
		t.Fatal(first, err)
	}
	if second, err := identify(dir); err != nil || second != first {
		t.Errorf("%q, %v, want %q", second, err, first)
	}
}
