package kept

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, file, text string) {
	t.Helper()
	// A new file each time, as editors and sync do: a version shares the bytes of the old one.
	if err := os.RemoveAll(file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	dir, src := t.TempDir(), filepath.Join(t.TempDir(), "f")
	s, err := Open(filepath.Join(dir, "kept"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 15 {
		write(t, src, fmt.Sprint("content ", i))
		reason := Replaced
		if i == 0 {
			reason = Conflict
		}
		if _, err := s.Keep(filepath.Dir(src), "f", "a/f", reason); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Keep(filepath.Dir(src), "f", "a/f", Deleted); err != nil { // is one already
			t.Fatal(err)
		}
	}
	all, err := s.List("")
	if err != nil || len(all) != 15 || s.Conflicts() != 1 {
		t.Fatalf("%d versions, %d conflicts, %v", len(all), s.Conflicts(), err)
	}
	if data, err := content(s, all[0].ID); err != nil || data != "content 14" {
		t.Errorf("newest: %q, %v", data, err)
	}
	oldest := all[len(all)-1]
	if oldest.Reason != Conflict || oldest.Path != "a/f" {
		t.Errorf("an open conflict must stay: %+v", oldest)
	}
	back := filepath.Join(dir, "back/f")
	if err := s.Restore(oldest, dir, "back/f"); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(back); err != nil || string(data) != "content 0" {
		t.Errorf("restored: %q, %v", data, err)
	}
	if err := s.Settle(oldest); err != nil || s.Conflicts() != 0 {
		t.Errorf("settle: %d conflicts, %v", s.Conflicts(), err)
	}
	again, err := Open(filepath.Join(dir, "kept"))
	if err != nil {
		t.Fatal(err)
	}
	later, err := again.List("a")
	if err != nil || len(later) != len(all) || again.Conflicts() != 0 {
		t.Errorf("opened again: %d versions, %d conflicts, %v", len(later), again.Conflicts(), err)
	}
	if diff := cmp.Diff(all[:14], later[:14]); diff != "" {
		t.Error(diff)
	}
	for _, id := range []string{"../f", "/etc/passwd", "a/../../f"} {
		if _, _, err := s.Read(id); err == nil {
			t.Errorf("%s could be read", id)
		}
		if _, err := s.Import(id, strings.NewReader("")); err == nil {
			t.Errorf("%s could be written", id)
		}
	}
}

// content is that of a version.
func content(s *Store, id string) (string, error) {
	file, size, err := s.Read(id)
	if err != nil {
		return "", err
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err == nil && int64(len(data)) != size {
		err = fmt.Errorf("%d bytes, not %d", len(data), size)
	}
	return string(data), err
}
