//go:build linux

package filesync

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/nhctl/nhctl/sidecar/filesync/foldertest"
)

// A watch on a file itself, as programs have that read one config, sees each save in place. It would go dead at the
// first if the file were replaced.
func TestAWatchOnAFileLivesOn(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	foldertest.Put(t, a, "f", "0")
	p.start()
	p.wait()
	w, err := fsnotify.NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Add(filepath.Join(b, "f")); err != nil {
		t.Fatal(err)
	}
	limit := time.After(waitLimit)
	for save := range 10 {
		for len(w.Events) > 0 { // of the save before
			<-w.Events
		}
		foldertest.Put(t, a, "f", fmt.Sprint("save ", save))
		for seen := false; !seen; {
			select {
			case e := <-w.Events:
				if e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename) {
					t.Fatalf("save %d: %v", save, e)
				}
				seen = e.Has(fsnotify.Write)
			case <-limit:
				t.Fatalf("save %d was not seen", save)
			}
		}
		arrives(t, b, "f", fmt.Sprint("save ", save))
	}
}
