package sharedfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func write(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func want(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != text {
		t.Errorf("%q, %v; want %q", got, err, text)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != mode {
		t.Errorf("%v, %v; want %v", info.Mode(), err, mode)
	}
	if all, err := os.ReadDir(filepath.Dir(path)); err != nil || len(all) != 1 {
		t.Errorf("%v, %v: want the file alone", all, err)
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	path := write(t, "a\n", 0o640)
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := Update(path, func(s string) string { return s }); err != nil {
		t.Error(err)
	}
	if same, err := os.Stat(path); err != nil || !os.SameFile(before, same) {
		t.Error("a file without a change was replaced")
	}
	if err := Update(path, func(s string) string { return s + "b\n" }); err != nil {
		t.Error(err)
	}
	want(t, path, "a\nb\n", 0o640)
}

// What others write between reading and replacing is kept.
func TestUpdateKeepsOthersEdits(t *testing.T) {
	t.Parallel()
	path := write(t, "a\n", 0o644)
	calls := 0
	err := Update(path, func(s string) string {
		if calls++; calls <= 2 {
			if err := os.WriteFile(path, []byte(s+"other\n"), 0o600); err != nil {
				t.Error(err)
			}
		}
		return s + "ours\n"
	})
	if err != nil || calls != 3 {
		t.Errorf("%d calls, %v", calls, err)
	}
	want(t, path, "a\nother\nother\nours\n", 0o644)
}

func TestUpdateGivesUp(t *testing.T) {
	t.Parallel()
	path := write(t, "a\n", 0o644)
	err := Update(path, func(s string) string {
		if err := os.WriteFile(path, []byte(s+"x"), 0o600); err != nil {
			t.Error(err)
		}
		return s + "ours\n"
	})
	if !errors.Is(err, ErrBusy) {
		t.Error(err)
	}
}

// A link stays one, and the file that it leads to changes.
func TestUpdateByLink(t *testing.T) {
	t.Parallel()
	path := write(t, "a\n", 0o644)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if err := Update(link, func(s string) string { return s + "b\n" }); err != nil {
		t.Error(err)
	}
	want(t, path, "a\nb\n", 0o644)
	if to, err := os.Readlink(link); err != nil || to != path {
		t.Errorf("%s, %v", to, err)
	}
}

func TestOverwrite(t *testing.T) {
	t.Parallel()
	path := write(t, "a long line\n", 0o644)
	if err := overwrite(path, "another\n", "x"); !errors.Is(err, errOther) {
		t.Error(err)
	}
	if err := overwrite(path, "a long line\n", "short\n"); err != nil {
		t.Error(err)
	}
	want(t, path, "short\n", 0o644)
}

func TestMissing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "none")
	if err := Check(path); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if err := Update(path, func(string) string { return "x" }); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
