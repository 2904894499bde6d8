// Package foldertest does with folders what users do, for the tests of file sync.
package foldertest

import (
	"os"
	"path/filepath"
	"testing"
)

// Put writes a file in place, with the directories that it is in.
func Put(t testing.TB, root, name, text string) {
	t.Helper()
	file := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Replace saves as editors do that put another file in place.
func Replace(t testing.TB, root, name, text string) {
	t.Helper()
	Put(t, root, "../next", text)
	if err := os.Rename(filepath.Join(root, "../next"), filepath.Join(root, name)); err != nil {
		t.Fatal(err)
	}
}

// Names lists the entries of a directory.
func Names(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}
