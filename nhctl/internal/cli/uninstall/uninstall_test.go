package uninstall

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/userdirs/userdirstest"
)

// All of nhctl's folder goes, but what sync has kept stays.
func TestRemove(t *testing.T) {
	t.Parallel()
	for name, kept := range map[string]bool{"with kept files": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dirs := userdirstest.New(t)
			files := []string{dirs.Log(), filepath.Join(dirs.Session("0a1b2c3d"), "session.json")}
			tool, others := filepath.Join(dirs.Tools(), "dlv"), filepath.Join(dirs.Cache, "others")
			file := filepath.Join(dirs.Kept("0a1b2c3d"), "lost.go")
			if kept {
				files = append(files, file)
			} else if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				t.Fatal(err)
			}
			for _, path := range files {
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for _, path := range []string{tool, others} {
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if n, err := size(dirs.State); err != nil || n != int64(4*len(files)) {
				t.Errorf("size: %d, %v", n, err)
			}
			if err := remove(dirs); err != nil {
				t.Fatal(err)
			}
			_, err := os.Stat(file)
			if there := err == nil; there != kept {
				t.Errorf("the kept file: %v", err)
			}
			if cached, err := os.ReadDir(dirs.Cache); len(cached) != 1 || err != nil {
				t.Errorf("left in the cache: %v, %v", cached, err)
			}
			entries, err := os.ReadDir(dirs.State)
			if kept && len(entries) != 1 || !kept && !os.IsNotExist(err) {
				t.Errorf("left: %v, %v", entries, err)
			}
		})
	}
}
