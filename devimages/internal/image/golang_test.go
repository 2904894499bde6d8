package image

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A toolchain as modules have it becomes one that runs, and whose packages are modules.
func TestCompleteToolchain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, file := range []string{"bin/go", "pkg/tool/linux_arm64/compile", "src/_go.mod", "src/cmd/_go.mod",
		"src/a.go"} {
		file = filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := completeToolchain(dir); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"bin/go": "-rwxr-xr-x", "pkg/tool/linux_arm64/compile": "-rwxr-xr-x",
		"src/go.mod": "-rw-------", "src/cmd/go.mod": "-rw-------", "src/a.go": "-rw-------"}
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		got[rel] = info.Mode().String()
		return err
	})
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}
