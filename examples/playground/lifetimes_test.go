package main

import (
	"bufio"
	"io"
	"strings"
	"testing"
)

// One playground goes down at each step of another's life, which notices nothing of it.
func TestDownDuringAnothersLife(t *testing.T) {
	a, b := newPlayground(t, "c"), newPlayground(t, "d")
	a.up(t)
	// As `up` prints them.
	for _, step := range []string{"clear leftovers", "make the network", "start etcd", "start controllers",
		"wait for the node"} {
		t.Run("when it begins to "+step, func(t *testing.T) {
			starting := b.command(t, b.start()...)
			out, err := starting.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := starting.Start(); err != nil {
				t.Fatal(err)
			}
			printed := awaitText(t, bufio.NewReader(out), step)
			a.down(t)
			a.traces(t)
			if err := starting.Wait(); err != nil {
				t.Fatalf("up: %v; it printed %s", err, printed)
			}
			b.works(t)
			a, b = b, a // the one that is up goes down next
		})
	}
	t.Run("when its pods have volumes", func(t *testing.T) {
		b.up(t)
		a.works(t)
		b.down(t)
		a.must(t, "status")
		if log := a.must(t, "kubectl", "logs", "writer"); !strings.Contains(log, "wrote") {
			t.Errorf("the pod's log: %s", log)
		}
		a.works(t)
	})
	t.Run("when it goes down, too", func(t *testing.T) {
		b.up(t)
		other := b.command(t, "down", "--dir", b.dir)
		if err := other.Start(); err != nil {
			t.Fatal(err)
		}
		a.down(t)
		if err := other.Wait(); err != nil {
			t.Errorf("down: %v", err)
		}
		a.traces(t)
		b.traces(t)
	})
}

// awaitText reads until a text has come, and goes on reading so that the writer never waits.
func awaitText(t *testing.T, r *bufio.Reader, text string) string {
	t.Helper()
	var read strings.Builder
	for !strings.Contains(read.String(), text) {
		b, err := r.ReadByte()
		if err != nil {
			t.Fatalf("%q was never printed: %v; but %s", text, err, read.String())
		}
		read.WriteByte(b)
	}
	go func() { _, _ = io.Copy(io.Discard, r) }()
	return read.String()
}
