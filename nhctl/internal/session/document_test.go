package session

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/store"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs/userdirstest"
	"github.com/nhctl/nhctl/sidecar/document"
)

// What is not written is not lost: the next change has it.
func TestDocumentThatCantBeWritten(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	var written []string
	failing := true
	d := NewDocument("", func(text string) error {
		if failing {
			return full
		}
		written = append(written, text)
		return nil
	})
	if err := d.Edit(func(text *string) { *text += "a" }); !errors.Is(err, full) {
		t.Error(err)
	}
	failing = false
	if err := d.Edit(func(text *string) { *text += "b" }); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"ab"}, written); diff != "" || d.Value() != "ab" {
		t.Error(diff, d.Value())
	}
}

// A document has one writer: of changes at the same moment none is lost, and none overtakes another on its way to disk.
func TestDocumentHasOneWriter(t *testing.T) {
	t.Parallel()
	const changes = 100
	var written []int // without a lock: there is one writer
	d := NewDocument(0, func(n int) error {
		runtime.Gosched() // let others overtake, if they can
		written = append(written, n)
		return nil
	})
	var editing sync.WaitGroup
	for range changes {
		editing.Go(func() {
			if err := d.Edit(func(n *int) { *n++ }); err != nil {
				t.Error(err)
			}
		})
	}
	editing.Wait()
	var want []int
	for n := range changes {
		want = append(want, n+1)
	}
	if diff := cmp.Diff(want, written); diff != "" {
		t.Error(diff)
	}
}

// A slow disk keeps no one from reading the document, and what they read has the change that is being written.
func TestDocumentIsReadWhileItIsWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		disk := make(chan struct{})
		d := NewDocument("", func(string) error { <-disk; return nil })
		written := false
		go func() {
			_ = d.Edit(func(text *string) { *text = "a" })
			written = true
		}()
		synctest.Wait()
		if got := d.Value(); got != "a" || written {
			t.Errorf("%q, written: %v", got, written)
		}
		close(disk)
		synctest.Wait()
		if !written {
			t.Error("the change has not returned")
		}
	})
}

// kept is a session's document of these tests.
type kept struct {
	Session string `json:"session"`
	Port    int    `json:"port"`
}

var formatOfKept = store.Format{Kind: "test", Version: 2}

func (k kept) check() (string, error) {
	if k.Port < 0 {
		return "", errors.New("it is no port")
	}
	return k.Session, nil
}

// onDisk puts a text where the document of a session is, and returns its path.
func onDisk(t *testing.T, dirs userdirs.Dirs, id, text string) string {
	t.Helper()
	file := filepath.Join(dirs.Session(id), File)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// A document of a newer nhctl is refused, and left as it is: by whoever reads it, and by whoever would replace it.
func TestNewerDocumentIsLeftAlone(t *testing.T) {
	t.Parallel()
	dirs := userdirstest.New(t)
	const text = `{"kind": "test", "version": 3, "data": {"session": "0a1b2c3d", "ports": [80, 81]}}`
	file := onDisk(t, dirs, id, text)
	if _, err := Read(file, formatOfKept, kept.check); !errors.Is(err, document.ErrNewer) {
		t.Errorf("read: %v", err)
	}
	if err := Write(dirs, id, formatOfKept, kept{Session: id}); !errors.Is(err, document.ErrNewer) {
		t.Errorf("write: %v", err)
	}
	if got, err := os.ReadFile(file); string(got) != text || err != nil {
		t.Errorf("it has become %s, %v", got, err)
	}
}

// What a newer nhctl has added to this version of a document survives a rewrite.
func TestUnknownFieldsSurvive(t *testing.T) {
	t.Parallel()
	dirs := userdirstest.New(t)
	file := onDisk(t, dirs, id,
		`{"kind": "test", "version": 2, "why": "a", "data": {"session": "0a1b2c3d", "port": 80, "colour": "red"}}`)
	k, err := Read(file, formatOfKept, kept.check)
	if err != nil {
		t.Fatal(err)
	}
	k.Port = 81
	if err := Write(dirs, id, formatOfKept, k); err != nil {
		t.Fatal(err)
	}
	var got any
	if text, err := os.ReadFile(file); err != nil || json.Unmarshal(text, &got) != nil {
		t.Fatalf("%s, %v", text, err)
	}
	want := map[string]any{
		"kind":    "test",
		"version": 2.0,
		"why":     "a",
		"data":    map[string]any{"session": id, "port": 81.0, "colour": "red"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A document that says another session than its folder, or nothing that can be used, is no session's.
func TestDocumentOfAnotherSession(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text  string
		reads bool
	}{
		"its own":         {`{"kind": "test", "version": 2, "data": {"session": "0a1b2c3d"}}`, true},
		"another session": {`{"kind": "test", "version": 2, "data": {"session": "11111111"}}`, false},
		"no good":         {`{"kind": "test", "version": 2, "data": {"session": "0a1b2c3d", "port": -1}}`, false},
		"another kind":    {`{"kind": "other", "version": 2, "data": {"session": "0a1b2c3d"}}`, false},
		"an older one":    {`{"kind": "test", "version": 1, "data": {"session": "0a1b2c3d"}}`, false},
		"cut short":       {`{"kind": "test", "version": 2, "da`, false},
	} {
		file := onDisk(t, userdirstest.New(t), id, tt.text)
		if k, err := Read(file, formatOfKept, kept.check); (err == nil) != tt.reads {
			t.Errorf("%s: %+v, %v", name, k, err)
		}
	}
}

// An id comes from clusters and callers: one that is none names no folder, and nothing is written or removed.
func TestIDsThatNameNoFolder(t *testing.T) {
	t.Parallel()
	dirs := userdirstest.New(t)
	file := onDisk(t, dirs, id, `{}`)
	for _, bad := range []string{"", ".", "..", "../" + id, id + "/..", "0A1B2C3D", "0a1b2c3", id + "\n"} {
		if err := Write(dirs, bad, formatOfKept, kept{}); err == nil {
			t.Errorf("written for %q", bad)
		}
		if err := Remove(dirs, bad); err == nil {
			t.Errorf("removed for %q", bad)
		}
	}
	if _, err := os.Stat(file); err != nil {
		t.Fatal(err)
	}
	if err := Remove(dirs, id); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Dir(file)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after its session was removed: %v", err)
	}
	if _, err := os.Stat(dirs.Sessions()); err != nil {
		t.Errorf("the other sessions: %v", err)
	}
}
