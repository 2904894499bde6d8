package indexstore

import (
	"encoding/binary"
	"path/filepath"
	"testing"
)

// Entries beyond the buffer go to tables, and are there afterwards.
func TestOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	const size = 64 << 10
	key := func(i int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(i)) }
	for i := range 3 * writeBuffer / size { // a full buffer is written before there may be a third one
		if err := store.Put(key(i), make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	if tables, err := filepath.Glob(filepath.Join(dir, "*.ldb")); len(tables) == 0 || err != nil {
		t.Errorf("tables: %v, %v", tables, err)
	}
	if first, err := store.Get(key(0)); len(first) != size || err != nil {
		t.Errorf("the first entry has %d bytes, %v", len(first), err)
	}
}
