package filesync

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
			if save == nil || !strings.HasPrefix(name, save.Path) || save.Seconds <= 0 || save.Seconds > 20 {
				return fmt.Errorf("last save: %+v, want %s", save, name)
			}
			return nil
		})
	}
	if save := p.remote.status().LastSave; save != nil {
		t.Errorf("no one saved in the pod: %+v", save)
	}
}

// What comes in while a scan goes on changes the index of this side, and is no save of its own.
func TestSavedSince(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	p.start()
	p.same()
	for _, tt := range []struct {
		dir           string
		local, remote bool // who has saved
	}{{a, true, false}, {b, false, true}} {
		var before [2]int64
		for i, e := range []*end{p.local, p.remote} {
			var err error
			if before[i], err = e.engine.sequence(); err != nil {
				t.Fatal(err)
			}
		}
		foldertest.Put(t, tt.dir, "f", tt.dir)
		p.same()
		for i, e := range []*end{p.local, p.remote} {
			now, err := e.engine.sequence()
			saved, lacks, failed := e.engine.savedSince(before[i])
			if err != nil || failed != nil || now == before[i] {
				t.Fatalf("%d after %d: %v, %v", now, before[i], err, failed)
			}
			if want := []bool{tt.local, tt.remote}[i]; saved != want || lacks != 0 {
				t.Errorf("end %d saved: %v, want %v; the other lacks %d", i, saved, want, lacks)
			}
		}
	}
}

// What comes in is named while it does, and counts for the rate.
func TestComingIn(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	foldertest.Put(t, a, "large", strings.Repeat("0123456789abcdef", 16<<20/16)+"1")
	p.start()
	named := make(chan bool)
	go func() {
		seen := false
		for {
			s, err := p.remote.engine.Status()
			seen = seen || err == nil && len(s.Now) == 1 && s.Now[0] == "large"
			if _, err := os.Stat(filepath.Join(b, "large")); err == nil || t.Context().Err() != nil {
				named <- seen
				return
			}
		}
	}()
	p.same()
	if !<-named {
		t.Error("nothing was named while it came in")
	}
	if s := p.remote.status(); len(s.Now) != 0 || s.NeedBytes != 0 {
		t.Errorf("afterwards: %+v", s)
	}
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
