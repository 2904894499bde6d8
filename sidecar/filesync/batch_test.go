package filesync

import (
	"fmt"
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
	// A first sync may take several rounds, of which the last is told late: they have all been when a later change is.
	edited := time.Now()
	foldertest.Replace(t, local, "src/0.go", "package src // edited\n")
	for next().Before(edited) {
	}
	foldertest.Put(t, remote, "src/generated.go", "package src\n")
	p.wait()
	for i := range 3 {
		edited := time.Now()
		foldertest.Replace(t, local, "src/1.go", fmt.Sprintf("package src // edit %d\n", i))
		if at := next(); at.Before(edited) {
			t.Errorf("a batch of %s before edit %d: of what the pod made, or the second of one change",
				edited.Sub(at), i)
		}
	}
}
