package filesync

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
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

// What a pod makes that came back empty is new, however often the one before it had changed the same files within the same second.
func TestPodCountsAnew(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	p.start()
	for i := range 20 {
		put(t, b, "edited", fmt.Sprint("old ", i))
		put(t, b, "deleted", fmt.Sprint("old ", i))
		p.same()
	}
	if err := os.Remove(filepath.Join(b, "deleted")); err != nil {
		t.Fatal(err)
	}
	p.same()
	p.lose(func() {
		put(t, b, "edited", "new")
		put(t, b, "deleted", "new too")
	})
	p.same()
	arrives(t, a, "edited", "new")
	arrives(t, a, "deleted", "new too")
}
