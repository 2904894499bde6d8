//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/baseprotocol"
	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
)

// otherBuild is the tested nhctl as a later build of the same release: the hash in its version is another one.
func otherBuild(t *testing.T, dev *developer) (path, version string) {
	t.Helper()
	this := query[struct{ Version string }](dev, "", "version").Version
	program, err := os.ReadFile(filepath.Join(os.Getenv("NHCTL_TEST_BIN"), "nhctl"))
	if err != nil {
		t.Fatal(err)
	}
	last := len(this) - 1
	version = this[:last] + map[bool]string{true: "1", false: "0"}[this[last] == '0']
	path = filepath.Join(t.TempDir(), "nhctl")
	if err := os.WriteFile(path, bytes.ReplaceAll(program, []byte(this), []byte(version)), 0o700); err != nil {
		t.Fatal(err)
	}
	return path, version
}

// window is an editor that follows the sessions by an `nhctl ide` of its own.
type window struct {
	mu       sync.Mutex
	sessions map[string]rpc.Session
	// snapshots counts the daemons that it has heard of, and missed the updates in which a session was not there.
	snapshots, missed int
	problems          []string
}

// openWindow starts an editor in a folder.
func openWindow(t *testing.T, dev *developer, dir, session string) *window {
	t.Helper()
	cmd := dev.command(t.Context(), dir, "ide")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w := &window{sessions: map[string]rpc.Session{}}
	var reading sync.WaitGroup
	reading.Go(func() {
		const most = 16 << 20
		for r := baseprotocol.NewReader(out, most); ; {
			data, err := r.Next()
			if err != nil {
				return
			}
			w.hear(data, session)
		}
	})
	t.Cleanup(func() {
		in.Close()
		reading.Wait()
		_ = cmd.Wait()
	})
	for _, say := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`,
		`{"jsonrpc":"2.0","id":2,"method":"subscribe","params":{"topic":"sessions","allClusters":true}}`,
	} {
		if _, err := in.Write(baseprotocol.Frame([]byte(say))); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *window) hear(data []byte, session string) {
	var m struct {
		Method string
		Params rpc.Update
	}
	if json.Unmarshal(data, &m) != nil || m.Method != "update" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if m.Params.Problem != nil {
		w.problems = append(w.problems, m.Params.Problem.Message)
	}
	rpc.Fold(w.sessions, m.Params, m.Params.Sessions)
	if m.Params.Snapshot {
		w.snapshots++
	}
	if _, there := w.sessions[session]; !there {
		w.missed++
	}
}

// An editor's nhctl and a newer one in a terminal are used in turn: the newer one's daemon serves both from the first
// turn on, the session goes on as it is, and the editor never misses it.
func TestTwoVersions(t *testing.T) {
	t.Parallel()
	_, dev, src := atSmall(t)
	newer, version := otherBuild(t, dev)
	dev.must(src, "dev", "start", "--no-terminal")
	defer dev.must(src, "dev", "end")
	before := query[rpc.Session](dev, src, "dev", "status")
	w := openWindow(t, dev, src, before.ID)
	told := func(what string, snapshots int) {
		t.Helper()
		eventually(t, time.Minute, what, func(context.Context) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			if s := w.sessions[before.ID]; w.snapshots < snapshots || !s.Live {
				return fmt.Errorf("%d snapshots, the session: %+v", w.snapshots, s)
			}
			return nil
		})
	}
	told("the editor has the session", 1)
	status := func(program string) (s rpc.Session) {
		t.Helper()
		cmd := dev.command(t.Context(), src, "dev", "status", "-o", "json")
		cmd.Path, cmd.Args[0] = program, program
		out, err := cmd.Output()
		if err == nil {
			err = json.Unmarshal(out, &s)
		}
		if exit, ok := err.(*exec.ExitError); ok {
			t.Fatalf("%s: %v: %s", program, err, exit.Stderr)
		} else if err != nil {
			t.Fatalf("%s: %v", program, err)
		}
		return s
	}
	older := filepath.Join(os.Getenv("NHCTL_TEST_BIN"), "nhctl")
	served := 0 // the process of the newer one's daemon
	for turn := range 4 {
		for _, program := range []string{newer, older} {
			eventually(t, time.Minute, "the session goes on", func(context.Context) error {
				if s := status(program); s.ID != before.ID || s.Twin != before.Twin || s.Pod != before.Pod || !s.Live {
					return fmt.Errorf("turn %d: %+v", turn, s)
				}
				return nil
			})
			d := query[rpc.Daemon](dev, src, "daemon", "status")
			if turn == 0 {
				served = d.PID // the older one's may have been at work
				continue
			}
			if d.Version != version || d.PID != served {
				t.Errorf("turn %d: the daemon is process %d of %s, want %d of %s", turn, d.PID, d.Version, served,
					version)
			}
		}
	}
	told("the editor has it of the next daemon", 2)
	write(t, filepath.Join(src, "after.txt"), "after")
	inPodEventually(t, dev, src, "after.txt", "after")
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.missed > 0 || w.snapshots != 2 || len(w.problems) > 0 {
		t.Errorf("the editor missed the session %d times, had %d snapshots, and heard of %q",
			w.missed, w.snapshots, w.problems)
	}
}
