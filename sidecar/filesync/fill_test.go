package filesync

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nhctl/nhctl/sidecar/filesync/fill"
	"github.com/nhctl/nhctl/sidecar/filesync/foldertest"
)

// tree makes a folder with what a fill has to carry, and returns how many files that are.
func tree(t *testing.T, root string, files int) {
	t.Helper()
	for i := range files {
		text := strings.Repeat(fmt.Sprintf("line %d\n", i), 50)
		foldertest.Put(t, root, fmt.Sprintf("many/%d/file-%d.txt", i/10, i), text)
	}
	foldertest.Put(t, root, "empty", "")
	foldertest.Put(t, root, "large.bin", strings.Repeat("0123456789abcdef", fill.MaxFile/16+1))
	foldertest.Put(t, root, "run.sh", "#!/bin/sh\n")
	foldertest.Put(t, root, "closed/secret", "s")
	for _, err := range []error{
		os.Chmod(filepath.Join(root, "run.sh"), 0o755), os.Chmod(filepath.Join(root, "closed/secret"), 0o400),
		os.Chmod(filepath.Join(root, "closed"), 0o500),
		os.Mkdir(filepath.Join(root, "void"), 0o777), os.Symlink("run.sh", filepath.Join(root, "link")),
		os.Symlink("/etc", filepath.Join(root, "out")),
		os.Chtimes(filepath.Join(root, "run.sh"), time.Unix(1, 2), time.Unix(3, 456789)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// fill pours the local folder into the remote one, over a stream that ends after so many bytes when limit is not 0.
func (p *pair) fill(limit int64) (pour, fill error) {
	p.t.Helper()
	if unused, err := Unused(p.remote.config); err != nil || !unused {
		p.t.Fatalf("the folder is unused: %v, %v", unused, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	a, b := net.Pipe()
	var stream net.Conn = a
	if limit > 0 {
		stream = &frail{Conn: a, left: limit}
	}
	var both sync.WaitGroup
	both.Go(func() { pour = p.local.engine.FillPeer(ctx, stream, p.placed) })
	both.Go(func() { fill = Fill(ctx, p.remote.config, b, p.local.engine.Instance()) })
	both.Wait()
	return pour, fill
}

// frail is a connection that breaks after some bytes.
type frail struct {
	net.Conn
	left int64
}

func (f *frail) Write(p []byte) (int, error) {
	if f.left -= int64(len(p)); f.left < 0 {
		f.Close()
	}
	return f.Conn.Write(p)
}

// reading is a connection that calls first before anything is read of it.
type reading struct {
	net.Conn
	once  sync.Once
	first func()
}

func (r *reading) Read(p []byte) (int, error) {
	r.once.Do(r.first)
	return r.Conn.Read(p)
}

func TestFill(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		settings Settings
		limit    int64
		files    int
	}{
		"whole":             {Settings{Type: Send}, 0, 100},
		"whole, both ways":  {Settings{Type: SendReceive, DeleteProtection: true}, 0, 100},
		"broken":            {Settings{Type: SendReceive, DeleteProtection: true}, 20 << 10, 300},
		"broken at once":    {Settings{Type: Send}, 1, 100},
		"broken at the end": {Settings{Type: Send}, 40 << 10, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, local, remote := newPair(t, c.settings)
			tree(t, local, c.files)
			defer os.Chmod(filepath.Join(local, "closed"), 0o700)
			defer os.Chmod(filepath.Join(remote, "closed"), 0o700)
			p.local.start()
			defer p.local.kill()
			p.placed = func() { t.Error("a file is too large to be in place") }
			pour, fill := p.fill(c.limit)
			if (pour != nil) != (c.limit > 0) || (fill != nil) != (c.limit > 0) {
				t.Fatalf("pour: %v, fill: %v", pour, fill)
			}
			p.remote.start()
			defer func() { p.cut(); p.remote.kill() }()
			p.connect()
			p.same()
			if info, err := os.Stat(filepath.Join(remote, "run.sh")); err != nil ||
				!info.ModTime().Equal(time.Unix(3, 456789)) {
				t.Errorf("%v, %v", info, err)
			}
			if info, err := os.Stat(filepath.Join(remote, "closed")); err != nil || info.Mode().Perm() != 0o500 {
				t.Errorf("%v, %v", info, err)
			}
			if p.remote.engine.Joined() != (c.limit == 0) {
				t.Errorf("joined: %v", p.remote.engine.Joined())
			}
			for side, e := range map[string]*Engine{"local": p.local.engine, "remote": p.remote.engine} {
				if versions, err := e.Versions(""); err != nil || len(versions) > 0 {
					t.Errorf("%s: %v, %v kept", side, err, versions)
				}
			}
			foldertest.Put(t, local, "later.txt", "later")
			p.same()
		})
	}
}

func TestFillNothingAgain(t *testing.T) {
	t.Parallel()
	p, local, remote := newPair(t, Settings{Type: SendReceive})
	tree(t, local, 200)
	defer os.Chmod(filepath.Join(local, "closed"), 0o700)
	defer os.Chmod(filepath.Join(remote, "closed"), 0o700)
	if err := os.Remove(filepath.Join(local, "large.bin")); err != nil {
		t.Fatal(err)
	}
	p.local.start()
	defer p.local.kill()
	placed := false
	p.placed = func() {
		placed = true
		if _, err := os.Stat(filepath.Join(remote, "many/19/file-199.txt")); err != nil {
			t.Errorf("not in place: %v", err)
		}
	}
	if pour, fill := p.fill(0); pour != nil || fill != nil || !placed {
		t.Fatal(pour, fill, placed)
	}
	var pulled atomic.Int64
	p.remote.config.OnBatch = func(time.Time) { pulled.Add(1) }
	p.remote.start()
	defer func() { p.cut(); p.remote.kill() }()
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	if err := p.remote.engine.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	if err := p.local.engine.Delivered(ctx, peer{p.remote.engine}); err != nil {
		t.Errorf("without a stream: %v", err)
	}
	before, err := p.remote.engine.Status()
	if err != nil {
		t.Fatal(err)
	}
	p.connect()
	p.wait()
	after, err := p.remote.engine.Status()
	if err != nil || before.Sequence != after.Sequence || pulled.Load() != 0 {
		t.Errorf("sequence %d, then %d, %d batches pulled, %v: the model had something left to do", before.Sequence,
			after.Sequence, pulled.Load(), err)
	}
}

// What is written after it was sent stays until its newer content comes, what is deleted goes, and what the pod's user
// wrote is kept.
func TestFillOfWhatChangesMeanwhile(t *testing.T) {
	t.Parallel()
	p, local, remote := newPair(t, Settings{Type: SendReceive})
	for _, name := range []string{"same", "written", "deleted", "folder/deleted", "both", "there"} {
		foldertest.Put(t, local, name, "first")
	}
	p.local.start()
	defer p.local.kill()
	p.placed = func() {
		foldertest.Put(t, local, "written", "second")
		foldertest.Put(t, local, "both", "here")
		foldertest.Put(t, remote, "both", "in the pod")
		foldertest.Put(t, remote, "there", "in the pod")
		if err := errors.Join(os.Remove(filepath.Join(local, "deleted")), os.RemoveAll(filepath.Join(local, "folder")),
			p.local.engine.Scan(t.Context())); err != nil {
			t.Error(err)
		}
	}
	if pour, fill := p.fill(0); pour != nil || fill != nil {
		t.Fatal(pour, fill)
	}
	has := func(root, name, want string) {
		t.Helper()
		if data, err := os.ReadFile(filepath.Join(root, name)); string(data) != want || (err != nil) != (want == "") {
			t.Errorf("%s of %s: %q, %v; want %q", name, root, data, err, want)
		}
	}
	has(remote, "written", "first")
	has(remote, "deleted", "")
	has(remote, "folder/deleted", "")
	p.remote.start()
	defer func() { p.cut(); p.remote.kill() }()
	p.connect()
	p.same()
	for _, root := range []string{local, remote} {
		has(root, "same", "first")
		has(root, "written", "second")
		has(root, "deleted", "")
		has(root, "there", "in the pod")
	}
	for name, want := range map[string]int{"written": 0, "deleted": 0, "both": 1} {
		kept := 0
		for _, e := range []*Engine{p.local.engine, p.remote.engine} {
			versions, err := e.Versions(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range versions {
				t.Logf("%s: %s", v.Path, v.Reason)
				if v.Reason == "conflict" {
					kept++
				}
			}
		}
		if kept != want {
			t.Errorf("%s: %d conflicts, want %d", name, kept, want)
		}
	}
}

// A folder that was emptied, or whose disk is not there, is nothing that someone waits for.
func TestFillOfWhatIsGone(t *testing.T) {
	t.Parallel()
	p, local, _ := newPair(t, Settings{Type: SendReceive, DeleteProtection: true})
	for i := range 100 {
		foldertest.Put(t, local, fmt.Sprintf("many/file-%d", i), "x")
	}
	foldertest.Put(t, local, "other", "x")
	p.local.start()
	if err := p.local.engine.Scan(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.local.kill()
	if err := os.RemoveAll(filepath.Join(local, "many")); err != nil {
		t.Fatal(err)
	}
	p.local.start()
	defer p.local.kill()
	p.placed = func() { t.Error("nothing is in place") }
	if pour, _ := p.fill(0); pour == nil {
		t.Error("poured")
	}
	if p.local.engine.Held() == nil {
		t.Error("no one is asked")
	}
}

func TestFillLeavesOut(t *testing.T) {
	t.Parallel()
	p, local, remote := newPair(t, Settings{
		Type:           Send,
		GitIgnore:      true,
		FilePatterns:   []string{"kept", "deep/kept.txt"},
		IgnorePatterns: []string{"skipped"},
	})
	want := map[string]bool{"kept/a": true, "deep/kept.txt": true, "deep/other.txt": false, "kept/skipped/b": false,
		"kept/.git/c": false, "kept/out.log": false, "other": false}
	foldertest.Put(t, local, ".gitignore", "*.log\n")
	for name := range want {
		foldertest.Put(t, local, name, "x")
	}
	p.local.start()
	defer p.local.kill()
	p.placed = func() { // before the index could correct anything
		for name, there := range want {
			if _, err := os.Stat(filepath.Join(remote, name)); (err == nil) != there {
				t.Errorf("%s: %v, want it there: %v", name, err, there)
			}
		}
	}
	if pour, fill := p.fill(0); pour != nil || fill != nil {
		t.Fatal(pour, fill)
	}
}

func TestFillOnlyWhatIsUnused(t *testing.T) {
	t.Parallel()
	p, local, remote := newPair(t, Settings{Type: Send})
	foldertest.Put(t, local, "a", "a")
	foldertest.Put(t, local, "both", "here")
	p.local.start()
	defer p.local.kill()
	stopped, stop := net.Pipe()
	stop.Close()
	if err := Fill(t.Context(), p.remote.config, stopped, ""); err == nil {
		t.Error("filled by nothing")
	}
	// A fill that was killed leaves what no one must see.
	foldertest.Put(t, remote, ".syncthing.nhctl-fill.tmp/half", "h")
	if err := os.RemoveAll(filepath.Join(p.remote.config.StateDir, indexDir)); err != nil {
		t.Fatal(err)
	}
	a, b := net.Pipe()
	var pour, fill error
	var both sync.WaitGroup
	both.Go(func() { pour = p.local.engine.FillPeer(t.Context(), a, p.placed) })
	both.Go(func() {
		// another program writes in the meantime
		stream := &reading{Conn: b, first: func() { foldertest.Put(t, remote, "both", "there") }}
		fill = Fill(t.Context(), p.remote.config, stream, "")
	})
	both.Wait()
	if pour == nil || fill == nil || !strings.Contains(fill.Error(), "in the meantime") {
		t.Errorf("pour: %v, fill: %v", pour, fill)
	}
	if unused, err := Unused(p.remote.config); unused || err != nil {
		t.Errorf("unused: %v, %v", unused, err)
	}
	if got, err := os.ReadFile(filepath.Join(remote, "both")); err != nil || string(got) != "there" {
		t.Errorf("%q, %v", got, err)
	}
	p.remote.start()
	defer p.remote.kill()
	if err := p.remote.engine.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(remote, ".syncthing.nhctl-fill.tmp")); !os.IsNotExist(err) {
		t.Errorf("staging: %v", err)
	}
}
