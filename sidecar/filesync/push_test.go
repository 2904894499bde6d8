package filesync

import (
	"context"
	"fmt"
	"net"
	"sync"
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

// deaf is a model that only hears of a connection's end.
type deaf struct{ protocol.Model }

func (deaf) Closed(protocol.Connection, error) {}

// The model asks for a connection's statistics whenever it looks at its connections, also while one starts. The race
// detector finds what that reads.
func TestStatisticsAtTheStart(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close(); far.Close() })
	c := &eager{}
	c.Connection = protocol.NewConnection(protocol.EmptyDeviceID, near, near, near, deaf{}, streamInfo{id: "it"},
		protocol.CompressionNever, protocol.NewKeyGenerator())
	var starting sync.WaitGroup
	starting.Go(c.Start)
	if s := c.Statistics(); s.At.IsZero() {
		t.Errorf("%+v", s)
	}
	starting.Wait()
}
