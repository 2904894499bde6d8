package localsync

import (
	"os"
	"path/filepath"
	"testing"
)

// A repository brings its configuration along, whoever wrote it: reading it ends.
func FuzzExcludesFile(f *testing.F) {
	f.Add("[core]\n\texcludesFile = ~/ignore\n")
	f.Add("[core \"x\"]\nexcludesFile\n[include]\npath = /etc/passwd\n")
	f.Add("[core]\nexcludesFile = \"a\\\nb\\x\n")
	f.Fuzz(func(t *testing.T, config string) {
		root := t.TempDir()
		for _, err := range []error{
			os.Mkdir(filepath.Join(root, ".git"), 0o700),
			os.WriteFile(filepath.Join(root, ".git", "config"), []byte(config), 0o600),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		excludesFile(t.Context(), root, map[string]string{"HOME": root})
	})
}
