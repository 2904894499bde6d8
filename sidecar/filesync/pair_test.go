package filesync

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	syncfs "github.com/syncthing/syncthing/lib/fs"
)

// end is one engine of a pair, which can be killed and started again.
type end struct {
	t      testing.TB
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
	e.serve(engine)
}

// serve runs an engine as the one of this end.
func (e *end) serve(engine *Engine) {
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
	t             testing.TB
	local, remote *end
	cut           func()
	placed        func()                  // is called when a fill has everything in place
	stream        func(net.Conn) net.Conn // makes the pod's end of each stream
}

// newPair returns a pair that has not begun yet, and the two folders.
func newPair(t testing.TB, s Settings) (p *pair, local, remote string) {
	t.Helper()
	make := func(side Side) *end {
		dir := t.TempDir()
		root := filepath.Join(dir, "root")
		if err := os.Mkdir(root, 0o755); err != nil {
			t.Fatal(err)
		}
		return &end{t: t, config: Config{
			FolderID: strings.ReplaceAll(t.Name(), "/", "-"),
			Root:     root,
			StateDir: filepath.Join(dir, "state"),
			Side:     side,
			Settings: s,
			Logger:   slog.New(slog.DiscardHandler),
		}}
	}
	p = &pair{
		t:      t,
		local:  make(Local),
		remote: make(Remote),
		cut:    func() {},
		placed: func() {},
		stream: func(c net.Conn) net.Conn { return c },
	}
	t.Cleanup(func() { p.cut() })
	return p, p.local.config.Root, p.remote.config.Root
}

func (p *pair) start() {
	p.local.start()
	p.remote.start()
	p.t.Cleanup(func() { p.cut(); p.local.kill(); p.remote.kill() })
	p.connect()
}

// connect joins the two engines by a pipe, and by another when that one ends, until it is cut.
func (p *pair) connect() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			a, b := net.Pipe()
			b = p.stream(b)
			var attached sync.WaitGroup
			attached.Go(func() { _ = p.local.engine.Attach(ctx, a, p.remote.engine.Instance()); b.Close() })
			attached.Go(func() { _ = p.remote.engine.Attach(ctx, b, p.local.engine.Instance()); a.Close() })
			attached.Wait()
		}
	}()
	p.cut = func() { cancel(); <-done; p.cut = func() {} }
}

// peer asks an engine directly, as the sidecar does for the daemon.
type peer struct{ *Engine }

func (p peer) Status(context.Context) (Status, error) { return p.Engine.Status() }

func (p *pair) wait() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	if err := p.local.engine.Wait(ctx, peer{p.remote.engine}); err != nil {
		p.t.Fatalf("%v\n%s", err, p.explain())
	}
}

// list describes every file of a folder: mode, and content or target. Those that go while it looks are not there.
func list(t testing.TB, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := walk(root, func(path string, d fs.DirEntry) error {
		rel, _ := filepath.Rel(root, path)
		if syncfs.IsTemporary(rel) {
			return nil
		}
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
			all[rel] = fmt.Sprintf("%v %s", info.Mode(), sum(data))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// walk calls visit for everything below a folder, and goes on where something is gone.
func walk(root string, visit func(path string, d fs.DirEntry) error) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && path != root {
			err = visit(path, d)
		}
		if path != root && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}

func sum(data []byte) string {
	if len(data) < 64 {
		return string(data)
	}
	return fmt.Sprintf("%d bytes, %.20q, %x", len(data), data, sha256.Sum256(data))
}

func (p *pair) same() {
	p.t.Helper()
	p.wait()
	if diff := cmp.Diff(list(p.t, p.local.config.Root), list(p.t, p.remote.config.Root)); diff != "" {
		p.t.Fatalf("(-local +remote)\n%s", diff)
	}
}

func eventually(t testing.TB, check func() error) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(waitLimit); ; <-tick.C {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// arrives waits until a file has a content, without asking for a scan: the watcher has to see it.
func arrives(t testing.TB, root, name, text string) {
	t.Helper()
	eventually(t, func() error {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err == nil && string(data) != text {
			err = fmt.Errorf("%s holds %.40q, want %.40q", name, data, text)
		}
		return err
	})
}

func (e *end) status() Status {
	e.t.Helper()
	s, err := e.engine.Status()
	if err != nil {
		e.t.Fatal(err)
	}
	return s
}

// flawless waits until a side has no errors: the model forgets those of a pull when that ends, which is after all files
// are there.
func (e *end) flawless() {
	e.t.Helper()
	eventually(e.t, func() error {
		if s := e.status(); len(s.Errors) > 0 || s.Error != "" {
			return fmt.Errorf("%s: %q, %v", e.config.Side, s.Error, s.Errors)
		}
		return nil
	})
}

// fails waits until a side says why it can't go on; the model notes that just after a scan has failed.
func (e *end) fails(why string) {
	e.t.Helper()
	eventually(e.t, func() error {
		if s := e.status(); s.State != StateError || !strings.Contains(s.Error, why) {
			return fmt.Errorf("status %+v; want the error %q", s, why)
		}
		return nil
	})
}
