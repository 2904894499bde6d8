package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNewPaths(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("other systems have other places")
	}
	home, err := os.MkdirTemp("", "nhctl-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	run := filepath.Join(home, "run")
	if err := os.Mkdir(run, 0o700); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(home, ".local", "state", "nhctl")
	for name, tt := range map[string]struct {
		env    map[string]string
		want   Paths
		failed string
	}{
		"home alone":     {map[string]string{"HOME": home}, Paths{State: state, Socket: filepath.Join(state, "daemon.sock")}, ""},
		"runtime folder": {map[string]string{"HOME": home, "XDG_RUNTIME_DIR": run}, Paths{State: state, Socket: filepath.Join(run, "nhctl", "daemon.sock")}, ""},
		"runtime folder gone": {map[string]string{"HOME": home, "XDG_RUNTIME_DIR": filepath.Join(home, "gone")},
			Paths{State: state, Socket: filepath.Join(state, "daemon.sock")}, ""},
		"state folder": {map[string]string{"HOME": "/nowhere", "XDG_STATE_HOME": home, "XDG_RUNTIME_DIR": run},
			Paths{State: filepath.Join(home, "nhctl"), Socket: filepath.Join(run, "nhctl", "daemon.sock")}, ""},
		"no home":  {map[string]string{}, Paths{}, "set HOME"},
		"too long": {map[string]string{"HOME": filepath.Join(home, strings.Repeat("x", maxSocket))}, Paths{}, "set XDG_RUNTIME_DIR to a shorter folder"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := NewPaths(tt.env)
			if tt.failed != "" {
				if err == nil || !strings.Contains(err.Error(), tt.failed) {
					t.Errorf("error: %v, want %q in it", err, tt.failed)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			for _, dir := range []string{got.State, got.sessions(), filepath.Dir(got.Socket)} {
				if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
					t.Errorf("%s: %v, %v; nobody else may see it", dir, info, err)
				}
			}
		})
	}
}

// A folder that others can write to, or that is a link, may hold anybody's socket and sessions.
func TestFoldersOfOthers(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("its folders have access lists")
	}
	for name, tt := range map[string]struct {
		dir  string // below the home folder
		make func(string) error
		want string
	}{
		"runtime folder, writable": {"run/nhctl", func(dir string) error { return errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o777)) }, "others may write"},
		"runtime folder, a link":   {"run/nhctl", func(dir string) error { return os.Symlink(os.TempDir(), dir) }, "symbolic link"},
		"state folder, writable":   {"state/nhctl", func(dir string) error { return errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o770)) }, "others may write"},
		"state folder, a link":     {"state/nhctl", func(dir string) error { return os.Symlink(os.TempDir(), dir) }, "symbolic link"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home, err := os.MkdirTemp("", "nhctl-")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(home) })
			dir := filepath.Join(home, filepath.FromSlash(tt.dir))
			if err := errors.Join(os.Mkdir(filepath.Join(home, "run"), 0o700), os.Mkdir(filepath.Join(home, "state"), 0o700), tt.make(dir)); err != nil {
				t.Fatal(err)
			}
			_, err = NewPaths(map[string]string{"HOME": home, "XDG_STATE_HOME": filepath.Join(home, "state"), "XDG_RUNTIME_DIR": filepath.Join(home, "run")})
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("%v, want %q in it", err, tt.want)
			}
		})
	}
}
