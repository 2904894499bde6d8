package seed

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCopy(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{"a/b/run.sh": "image", "mine.txt": "image"} {
		file := filepath.Join(from, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("a/b/run.sh", filepath.Join(from, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, "mine.txt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a container that starts again
		if err := Copy(from, to); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]string{}
	err := filepath.WalkDir(to, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(to, path)
		got[rel] = info.Mode().String() + " " + string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a/b/run.sh": "-rwxr-xr-x image", "mine.txt": "-rw------- mine",
		"link": "Lrwxrwxrwx image"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if info, err := os.Stat(filepath.Join(to, "a/b/run.sh")); err != nil || !info.ModTime().Equal(old()) {
		t.Errorf("%v %v", info.ModTime(), err)
	}
	if err := Copy(filepath.Join(from, "none"), to); err != nil {
		t.Errorf("an image without the folder: %v", err)
	}
}
