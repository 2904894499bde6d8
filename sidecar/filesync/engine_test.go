package filesync

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// end is one engine of a pair, which can be killed and started again.
type end struct {
	t      *testing.T
	config Config
	engine *Engine
	stop   context.CancelFunc
	done   chan error
}

func (e *end) start() {
	e.t.Helper()
	engine, err := New(e.config)
	if err != nil {
		e.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- engine.Serve(ctx) }()
	e.engine, e.stop, e.done = engine, cancel, done
}

func (e *end) kill() {
	e.stop()
	if err := <-e.done; err != nil {
		e.t.Error(err)
	}
}

// pair is two engines and the stream between them.
type pair struct {
	t             *testing.T
	local, remote *end
	cut           func()
}

func newPair(t *testing.T, s Settings) *pair {
	t.Helper()
	make := func(side Side) *end {
		dir := t.TempDir()
		root := filepath.Join(dir, "root")
		if err := os.Mkdir(root, 0o755); err != nil {
			t.Fatal(err)
		}
		return &end{t: t, config: Config{FolderID: strings.ReplaceAll(t.Name(), "/", "-"), Root: root, StateDir: filepath.Join(dir, "state"), Side: side,
			Settings: s, Logger: slog.New(slog.DiscardHandler)}}
	}
	p := &pair{t: t, local: make(Local), remote: make(Remote), cut: func() {}}
	t.Cleanup(func() { p.cut() })
	return p
}

func (p *pair) start() {
	p.local.start()
	p.remote.start()
	p.t.Cleanup(func() { p.cut(); p.local.kill(); p.remote.kill() })
	p.connect()
}

// connect joins the two engines by a pipe.
func (p *pair) connect() {
	a, b := net.Pipe()
	var attached sync.WaitGroup
	attached.Go(func() { _ = p.local.engine.Attach(context.Background(), a) })
	attached.Go(func() { _ = p.remote.engine.Attach(context.Background(), b) })
	p.cut = func() { a.Close(); b.Close(); attached.Wait(); p.cut = func() {} }
}

// peer asks an engine directly, as the sidecar does for the daemon.
type peer struct{ *Engine }

func (p peer) Status(context.Context) (Status, error) { return p.Engine.Status() }

func (p *pair) wait() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	if err := p.local.engine.Wait(ctx, peer{p.remote.engine}); err != nil {
		p.t.Fatal(err)
	}
}

func put(t *testing.T, root, name, text string) {
	t.Helper()
	file := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// list describes every file of a folder: mode, and content or target.
func list(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			all[rel] = "folder"
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			all[rel] = "link to " + target
			return err
		default:
			data, err := os.ReadFile(path)
			all[rel] = fmt.Sprintf("%v %x", info.Mode(), sum(data))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func sum(data []byte) string {
	if len(data) < 64 {
		return string(data)
	}
	return fmt.Sprintf("%d bytes, %q", len(data), data[len(data)-32:])
}

func (p *pair) same() {
	p.t.Helper()
	p.wait()
	if diff := cmp.Diff(list(p.t, p.local.config.Root), list(p.t, p.remote.config.Root)); diff != "" {
		p.t.Fatalf("(-local +remote)\n%s", diff)
	}
}

func eventually(t *testing.T, check func() error) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// arrives waits until a file has a content, without asking for a scan: the watcher has to see it.
func arrives(t *testing.T, root, name, text string) {
	t.Helper()
	eventually(t, func() error {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err == nil && string(data) != text {
			err = fmt.Errorf("%s holds %.40q, want %.40q", name, data, text)
		}
		return err
	})
}

func TestEveryKindOfChange(t *testing.T) {
	t.Parallel()
	p := newPair(t, Settings{Type: SendReceive, GitIgnore: true})
	a, b := p.local.config.Root, p.remote.config.Root
	put(t, a, "edit.txt", "one")
	put(t, a, "rename.txt", "same")
	put(t, a, "chmod.sh", "#!/bin/sh")
	put(t, a, "delete.txt", "x")
	put(t, a, ".gitignore", "*.log\nbuild/\n")
	put(t, a, "x.log", "not yours")
	put(t, a, "build/out.o", "not yours")
	put(t, a, ".git/config", "never")
	put(t, a, "ümläut/файл 1.txt", "unicode")
	p.start()
	p.wait()
	for _, name := range []string{"x.log", "build", ".git", ".stfolder", ".stignore"} {
		if _, err := os.Lstat(filepath.Join(b, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is on the other side", name)
		}
	}
	for _, name := range []string{".stfolder", ".stignore"} {
		if _, err := os.Lstat(filepath.Join(a, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is in the user's folder", name)
		}
	}

	put(t, a, "edit.txt", "two")
	put(t, a, "new/deep/er/file.txt", "hello")
	big := make([]byte, 50<<20)
	_, _ = rand.Read(big)
	put(t, a, "big.bin", string(big))
	for _, err := range []error{
		os.Rename(filepath.Join(a, "rename.txt"), filepath.Join(a, "renamed.txt")),
		os.Chmod(filepath.Join(a, "chmod.sh"), 0o755),
		os.Remove(filepath.Join(a, "delete.txt")),
		os.Symlink("edit.txt", filepath.Join(a, "link")),
		os.Symlink("/etc/passwd", filepath.Join(a, "outside")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	arrives(t, b, "new/deep/er/file.txt", "hello")
	arrives(t, b, "edit.txt", "two")
	p.wait()
	got := list(t, b)
	want := list(t, a)
	for _, name := range []string{"x.log", "build", "build/out.o", ".git", ".git/config"} {
		delete(want, name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-local +remote)\n%s", diff)
	}
	if data, err := os.ReadFile(filepath.Join(b, "big.bin")); err != nil || !bytes.Equal(data, big) {
		t.Errorf("the big file differs: %v", err)
	}
	// The other way.
	put(t, b, "from-pod.txt", "generated")
	arrives(t, a, "from-pod.txt", "generated")
}

func TestEditsWhileApart(t *testing.T) {
	t.Parallel()
	p := newPair(t, Settings{Type: SendReceive})
	a, b := p.local.config.Root, p.remote.config.Root
	put(t, a, "one", "1")
	put(t, a, "two", "2")
	p.start()
	p.same()
	p.cut()
	put(t, a, "one", "1 from here")
	put(t, b, "two", "2 from there")
	put(t, b, "three", "3 from there")
	p.connect()
	p.same()
	arrives(t, b, "one", "1 from here")
	arrives(t, a, "two", "2 from there")
	arrives(t, a, "three", "3 from there")
}

func TestBothEditTheSameFile(t *testing.T) {
	t.Parallel()
	p := newPair(t, Settings{Type: SendReceive})
	a, b := p.local.config.Root, p.remote.config.Root
	put(t, a, "f.txt", "base")
	p.start()
	p.same()
	p.cut()
	put(t, a, "f.txt", "mine")
	put(t, b, "f.txt", "theirs")
	p.connect()
	p.same()
	var texts []string
	for _, name := range names(t, a) {
		data, err := os.ReadFile(filepath.Join(a, name))
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(data))
	}
	sort.Strings(texts)
	if diff := cmp.Diff([]string{"mine", "theirs"}, texts); diff != "" {
		t.Errorf("both contents must live on:\n%s", diff)
	}
}

func names(t *testing.T, root string) []string {
	t.Helper()
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// An engine that was killed must know afterwards what was deleted meanwhile, instead of bringing it back.
func TestDeletionWhileDead(t *testing.T) {
	t.Parallel()
	p := newPair(t, Settings{Type: SendReceive})
	a, b := p.local.config.Root, p.remote.config.Root
	put(t, a, "keep", "k")
	put(t, a, "gone", "g")
	p.start()
	p.same()
	p.cut()
	p.local.kill()
	if err := os.Remove(filepath.Join(a, "gone")); err != nil {
		t.Fatal(err)
	}
	put(t, a, "new", "n")
	p.local.start()
	p.connect()
	p.same()
	if diff := cmp.Diff([]string{"keep", "new"}, names(t, b)); diff != "" {
		t.Error(diff)
	}
}

// A pod that comes back with an empty volume (and so without an index) must get everything, and delete nothing.
func TestPodComesBackEmpty(t *testing.T) {
	t.Parallel()
	p := newPair(t, Settings{Type: SendReceive})
	a, b := p.local.config.Root, p.remote.config.Root
	for i := range 30 {
		put(t, a, fmt.Sprintf("dir%d/file", i), "content")
	}
	p.start()
	p.same()
	p.cut()
	p.remote.kill()
	for _, dir := range []string{b, p.remote.config.StateDir} {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(b, 0o755); err != nil {
		t.Fatal(err)
	}
	p.remote.start()
	p.connect()
	p.same()
	if got := len(names(t, a)); got != 30 {
		t.Errorf("%d of 30 folders are left here", got)
	}
}

// A folder that was taken away, such as an unmounted disk, is no wish to delete.
func TestFolderReplaced(t *testing.T) {
	t.Parallel()
	p := newPair(t, Settings{Type: SendReceive})
	a, b := p.local.config.Root, p.remote.config.Root
	put(t, a, "file", "precious")
	p.start()
	p.same()
	if err := os.Rename(a, a+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(a, 0o755); err != nil {
		t.Fatal(err)
	}
	_ = p.local.engine.Scan(t.Context())
	s, err := p.local.engine.Status()
	if err != nil || s.State != StateError || !strings.Contains(s.Error, "replaced or unmounted") {
		t.Errorf("status %+v, %v", s, err)
	}
	arrives(t, b, "file", "precious")
}

func TestSendLeavesThePodsFiles(t *testing.T) {
	t.Parallel()
	p := newPair(t, Settings{Type: Send})
	a, b := p.local.config.Root, p.remote.config.Root
	put(t, a, "src", "s")
	p.start()
	p.wait()
	put(t, b, "made-in-pod", "m")
	put(t, a, "src", "s2")
	p.wait()
	arrives(t, b, "src", "s2")
	arrives(t, b, "made-in-pod", "m")
	if diff := cmp.Diff([]string{"src"}, names(t, a)); diff != "" {
		t.Error(diff)
	}
}

func TestRulesChange(t *testing.T) {
	t.Parallel()
	p := newPair(t, Settings{Type: SendReceive, GitIgnore: true})
	a, b := p.local.config.Root, p.remote.config.Root
	put(t, a, "cache/data", "1")
	put(t, a, "src", "s")
	p.start()
	p.same()
	put(t, a, ".gitignore", "cache/\n")
	p.wait()
	// Newly ignored files stay where they are, on both sides, and go their own ways.
	put(t, a, "cache/data", "2")
	p.wait()
	arrives(t, b, "cache/data", "1")
	arrives(t, a, "cache/data", "2")
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		settings Settings
		want     []string
	}{
		"files only":  {Settings{Type: SendReceive, FilePatterns: []string{"/src"}}, []string{"src"}},
		"ignore wins": {Settings{Type: SendReceive, FilePatterns: []string{"."}, IgnorePatterns: []string{"*.tmp"}}, []string{"doc", "src"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, tt.settings)
			a, b := p.local.config.Root, p.remote.config.Root
			put(t, a, "src/main.go", "x")
			put(t, a, "doc/a.md", "x")
			put(t, a, "x.tmp", "x")
			p.start()
			p.wait()
			if diff := cmp.Diff(tt.want, names(t, b)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func BenchmarkSave(b *testing.B) {
	t := &testing.T{}
	dir := b.TempDir()
	ends := map[Side]*end{}
	for _, side := range []Side{Local, Remote} {
		root := filepath.Join(dir, string(side))
		_ = os.MkdirAll(root, 0o755)
		ends[side] = &end{t: t, config: Config{FolderID: "bench", Root: root, StateDir: root + "-state", Side: side,
			Settings: Settings{Type: SendReceive, GitIgnore: true}, Logger: slog.New(slog.DiscardHandler)}}
		ends[side].start()
	}
	p := &pair{t: t, local: ends[Local], remote: ends[Remote]}
	p.connect()
	p.wait()
	var times []time.Duration
	for i := 0; b.Loop(); i++ {
		time.Sleep(300 * time.Millisecond)
		text := fmt.Sprintf("%d %s", i, strings.Repeat("x", 2000))
		_ = os.WriteFile(filepath.Join(ends[Local].config.Root, "f"), []byte(text), 0o644)
		begin := time.Now()
		for {
			if data, err := os.ReadFile(filepath.Join(ends[Remote].config.Root, "f")); err == nil && string(data) == text {
				break
			}
			time.Sleep(200 * time.Microsecond)
		}
		times = append(times, time.Since(begin))
	}
	sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
	b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, "p99-ms")
	p.cut()
	ends[Local].kill()
	ends[Remote].kill()
}
