package filesync

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/nhctl/nhctl/sidecar/filesync/foldertest"
)

// listener is a connection that writes down what goes out.
type listener struct {
	protocol.Connection
	updates []string
}

func (h *listener) Index(_ context.Context, i *protocol.Index) error {
	h.updates = append(h.updates, fmt.Sprintf("index of %d to %d", len(i.Files), i.LastSequence))
	return nil
}

func (h *listener) IndexUpdate(_ context.Context, u *protocol.IndexUpdate) error {
	h.updates = append(h.updates, fmt.Sprintf("%d after %d to %d", len(u.Files), u.PrevSequence, u.LastSequence))
	return nil
}

func entries(sequences ...int64) (files []protocol.FileInfo) {
	for _, s := range sequences {
		files = append(files, protocol.FileInfo{Name: fmt.Sprint("f", s), Sequence: s})
	}
	return files
}

// What was said past the model is not said again by it, and the numbers stay in a row.
func TestIndexIsSaidOnce(t *testing.T) {
	t.Parallel()
	h := &listener{}
	c := &eager{Connection: h, replaced: func(protocol.FileInfo) bool { return false }}
	update := func(prev, last int64, sequences ...int64) {
		if err := c.IndexUpdate(t.Context(),
			&protocol.IndexUpdate{Files: entries(sequences...), PrevSequence: prev, LastSequence: last}); err != nil {
			t.Error(err)
		}
	}
	update(3, 5, 4, 5) // a connection that goes on where the last one ended
	update(5, 6, 6)
	update(5, 6, 6)
	update(5, 8, 6, 7, 8)
	if err := c.Index(t.Context(), &protocol.Index{Files: entries(1, 2), LastSequence: 2}); err != nil {
		t.Error(err)
	}
	update(2, 3, 3)
	want := []string{"2 after 3 to 5", "1 after 5 to 6", "2 after 6 to 8", "index of 2 to 2", "1 after 2 to 3"}
	if diff := cmp.Diff(want, h.updates); diff != "" {
		t.Error(diff)
	}
}

// Saves in a row all arrive, in order, though most are told past the model.
func TestSavesInARow(t *testing.T) {
	t.Parallel()
	p, local, remote := newPair(t, Settings{Type: SendReceive})
	p.start()
	p.wait()
	for i := range 20 {
		text := fmt.Sprint("save ", i)
		foldertest.Put(t, local, "saved.txt", text)
		arrives(t, remote, "saved.txt", text)
		foldertest.Put(t, remote, "back.txt", text)
		arrives(t, local, "back.txt", text)
	}
	p.same()
}
