package filesync

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/nhctl/nhctl/sidecar/filesync/foldertest"
)

// A batch of changes from the peer is told once, when all of it is there; what changes here is none.
func TestBatches(t *testing.T) {
	t.Parallel()
	p, local, remote := newPair(t, Settings{Type: SendReceive})
	told := make(chan time.Time, 100)
	p.remote.config.OnBatch = func(at time.Time) {
		select {
		case told <- at:
		default:
			t.Error("far too many batches")
		}
	}
	for i := range 50 {
		foldertest.Put(t, local, fmt.Sprintf("src/%d.go", i), "package src\n")
	}
	p.start()
	p.wait()
	next := func() time.Time {
		t.Helper()
		select {
		case at := <-told:
			return at
		case <-time.After(waitLimit):
			t.Fatal("no batch")
			return time.Time{}
		}
	}
	next()
	for len(told) > 0 { // a first sync may take several rounds
		next()
	}
	foldertest.Put(t, remote, "src/generated.go", "package src\n")
	p.wait()
	before := time.Now()
	foldertest.Put(t, local, filepath.Join("src", "1.go"), "package src // edited\n")
	if at := next(); at.Before(before) {
		t.Errorf("a batch of %s before the change: what the pod made was taken for one", before.Sub(at))
	}
	p.wait()
	if len(told) > 0 {
		t.Errorf("%d more batches of one change", len(told))
	}
}
