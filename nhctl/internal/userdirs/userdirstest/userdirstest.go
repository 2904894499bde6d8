// Package userdirstest makes directories of users for tests.
package userdirstest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
)

// New returns the directories of a user with a home of their own, until the test ends. Their paths are short, as
// sockets need it.
func New(t testing.TB) userdirs.Dirs {
	t.Helper()
	home, err := os.MkdirTemp("", "nhctl-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	dirs, err := userdirs.New(map[string]string{
		"HOME":           home,
		"XDG_STATE_HOME": home,
		"XDG_CACHE_HOME": filepath.Join(home, "cache"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}
