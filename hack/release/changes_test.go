package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The notes of a release are its part of the changelog.
func TestChanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	script, err := os.ReadFile(filepath.Join("..", "changes.sh"))
	if err != nil {
		t.Fatal(err)
	}
	const changelog = `# Changes

## Unreleased

## 0.10.0 (2026-05-06)

- Ten.

## 0.1.0 (2026-04-05)

### Added

- One.

[unreleased]: https://example.com
`
	for name, data := range map[string]string{"hack/changes.sh": string(script), "CHANGELOG.md": changelog} {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(data), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		version, want string
		fails         bool
	}{
		{version: "v0.1.0", want: "\n### Added\n\n- One.\n"},
		{version: "v0.10.0", want: "\n- Ten.\n"},
		{version: "v0.2.0", fails: true},
		{version: "Unreleased", fails: true},
	} {
		out, err := exec.Command("bash", filepath.Join(dir, "hack", "changes.sh"), test.version).Output()
		if (err != nil) != test.fails || string(out) != test.want {
			t.Errorf("changes of %s: %q, %v, want %q", test.version, out, err, test.want)
		}
	}
}
