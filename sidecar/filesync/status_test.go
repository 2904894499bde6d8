package filesync

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/sidecar/filesync/foldertest"
	"github.com/nhctl/nhctl/sidecar/filesync/ignore"
)

func TestLastSave(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	foldertest.Put(t, a, "f", "1")
	p.start()
	p.same()
	for _, name := range []string{"f", "dir/g"} {
		foldertest.Put(t, a, name, "saved")
		arrives(t, b, name, "saved")
		eventually(t, func() error {
			save := p.local.status().LastSave
			if save == nil || !strings.HasPrefix(name, save.Path) || save.Seconds <= 0 {
				return fmt.Errorf("last save: %+v, want %s", save, name)
			}
			return nil
		})
	}
	if save := p.remote.status().LastSave; save != nil {
		t.Errorf("no one saved in the pod: %+v", save)
	}
}

// A save counts whatever finds it: the watcher's look, a second one at the same folder, or a look at everything.
func TestSaveFoundByAnyScan(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	p.start()
	p.same()
	engine := p.local.engine
	for name, scan := range map[string]func() error{
		"watched":    func() error { return engine.scanSaved([]string{"watched"}, time.Now()) },
		"everything": func() error { return engine.scanFolder() },
		"twice": func() error {
			return errors.Join(engine.scanSaved([]string{"."}, time.Now()),
				engine.scanSaved([]string{"twice"}, time.Now()))
		},
	} {
		engine.searching.Lock() // the watcher's own look comes later
		foldertest.Put(t, a, name, "saved")
		err := scan()
		engine.searching.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		arrives(t, b, name, "saved")
		eventually(t, func() error {
			if save := p.local.status().LastSave; save == nil || save.Path != name {
				return fmt.Errorf("last save: %+v, want %s", save, name)
			}
			return nil
		})
		if save := p.remote.status().LastSave; save != nil {
			t.Errorf("no one saved in the pod: %+v", save)
		}
	}
}

// heldUp is the pod's end of a stream on which nothing comes any more after some bytes, until it is opened.
type heldUp struct {
	net.Conn
	after int64
	open  chan struct{}
}

func (h *heldUp) Read(p []byte) (int, error) {
	if h.after <= 0 {
		<-h.open
	}
	n, err := h.Conn.Read(p)
	h.after -= int64(n)
	return n, err
}

// What comes in is named while it does.
func TestComingIn(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	foldertest.Put(t, a, "large", strings.Repeat("0123456789abcdef", 16<<20/16)+"1")
	open := make(chan struct{})
	goOn := sync.OnceFunc(func() { close(open) })
	p.stream = func(c net.Conn) net.Conn { return &heldUp{Conn: c, after: 8 << 20, open: open} }
	p.start()
	t.Cleanup(goOn)
	eventually(t, func() error {
		if s := p.remote.status(); len(s.Now) != 1 || s.Now[0] != "large" {
			return fmt.Errorf("half of it is there: %+v", s)
		}
		return nil
	})
	if _, err := os.Stat(filepath.Join(b, "large")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is in place already: %v", err)
	}
	goOn()
	p.same()
	eventually(t, func() error { // the engine hears of the end after the index has it
		if s := p.remote.status(); len(s.Now) != 0 || s.NeedBytes != 0 {
			return fmt.Errorf("afterwards: %+v", s)
		}
		return nil
	})
}

func TestReasons(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"syncing: finishing: save: write /src/.syncthing.f.tmp: no space left on device": "the disk is full (syncing: ",
		"syncing: pull: open /src/.syncthing.f.tmp: permission denied": "permission denied: " +
			"neither file nor folder may be changed",
		"syncing: path or name is invalid: \":\"": "the system can't hold this name",
		`remote "A" uses different upper or lowercase characters than local "a"`: "another file has the same name " +
			"in another case",
		"anything else": "anything else",
	} {
		if got := explainFile(text); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", text, got)
		}
	}
}

// The model forgets errors while it tries again: a full disk is told until something was tried with another end.
func TestFullWhileItTriesAgain(t *testing.T) {
	t.Parallel()
	e := &Engine{config: Config{Root: t.TempDir()}}
	failed := map[string]string{"a": explainFile("write a: no space left on device"), "b": "is locked"}
	quota := map[string]string{"a": explainFile("disk quota exceeded")}
	for _, step := range []struct {
		name string
		s    Status
		want *Full
	}{
		{"no error", Status{NeedFiles: 2, NeedBytes: 9}, nil},
		{"it fails", Status{NeedFiles: 2, NeedBytes: 9, Errors: failed}, &Full{Files: 1, Needed: 9}},
		{"it tries again", Status{NeedFiles: 1, NeedBytes: 7}, &Full{Files: 1, Needed: 7}},
		{"it fails otherwise", Status{NeedFiles: 1, Errors: map[string]string{"b": "is locked"}}, nil},
		{"it tries that again", Status{NeedFiles: 1}, nil},
		{"a quota", Status{NeedFiles: 1, NeedBytes: 7, Errors: quota}, &Full{Files: 1, Needed: 7, Quota: true}},
		{"it has all", Status{}, nil},
	} {
		got := e.full(step.s)
		if got != nil && got.Free > 0 {
			got.Free = 0
		}
		if step.want != nil {
			step.want.Folder = e.config.Root
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("%s: %s", step.name, diff)
		}
	}
}

// A change of the rules counts at once, in both directions, wherever they are.
func TestRulesTakenBack(t *testing.T) {
	t.Parallel()
	settings := Settings{Type: SendReceive, GitIgnore: true,
		Rules: ignore.Rules{Above: []ignore.Source{{Lines: []string{"*.swp"}}}}}
	p, a, b := newPair(t, settings)
	foldertest.Put(t, a, ".gitignore", "*.log\n")
	foldertest.Put(t, a, "dir/a.log", "1")
	foldertest.Put(t, a, "b.swp", "2")
	p.start()
	p.wait()
	for _, name := range []string{"dir/a.log", "b.swp"} {
		if _, err := os.Stat(filepath.Join(b, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is ignored, and there: %v", name, err)
		}
	}
	foldertest.Put(t, a, ".gitignore", "# nothing\n")
	arrives(t, b, "dir/a.log", "1")
	settings.Rules = ignore.Rules{}
	for _, e := range []*Engine{p.local.engine, p.remote.engine} {
		if err := e.Apply(t.Context(), settings); err != nil {
			t.Fatal(err)
		}
	}
	arrives(t, b, "b.swp", "2")
}
