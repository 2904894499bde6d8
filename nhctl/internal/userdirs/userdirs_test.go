package userdirs

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNew(t *testing.T) {
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
	state, cache := filepath.Join(home, ".local", "state", "nhctl"), filepath.Join(home, ".cache", "nhctl")
	for name, tt := range map[string]struct {
		env    map[string]string
		want   Dirs
		failed string
	}{
		"home alone": {map[string]string{"HOME": home},
			Dirs{State: state, Cache: cache, Socket: filepath.Join(state, "daemon.sock")}, ""},
		"runtime folder": {map[string]string{"HOME": home, "XDG_RUNTIME_DIR": run},
			Dirs{State: state, Cache: cache, Socket: filepath.Join(run, "nhctl", "daemon.sock")}, ""},
		"runtime folder gone": {map[string]string{"HOME": home, "XDG_RUNTIME_DIR": filepath.Join(home, "gone")},
			Dirs{State: state, Cache: cache, Socket: filepath.Join(state, "daemon.sock")}, ""},
		"state folder": {map[string]string{"HOME": "/nowhere", "XDG_STATE_HOME": home, "XDG_RUNTIME_DIR": run},
			Dirs{
				State:  filepath.Join(home, "nhctl"),
				Cache:  "/nowhere/.cache/nhctl",
				Socket: filepath.Join(run, "nhctl", "daemon.sock"),
			}, ""},
		"cache folder": {map[string]string{"HOME": home, "XDG_CACHE_HOME": "/cache"},
			Dirs{State: state, Cache: "/cache/nhctl", Socket: filepath.Join(state, "daemon.sock")}, ""},
		"a state folder alone": {map[string]string{"XDG_STATE_HOME": home, "XDG_RUNTIME_DIR": run},
			Dirs{
				State:  filepath.Join(home, "nhctl"),
				Cache:  filepath.Join(home, "nhctl", "cache"),
				Socket: filepath.Join(run, "nhctl", "daemon.sock"),
			}, ""},
		"no home": {map[string]string{}, Dirs{}, "set HOME"},
		"too long": {map[string]string{"HOME": filepath.Join(home, strings.Repeat("x", maxSocket))}, Dirs{},
			"set XDG_RUNTIME_DIR to a shorter folder"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := New(tt.env)
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
			for _, dir := range []string{got.State, got.Sessions(), filepath.Dir(got.Socket)} {
				if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
					t.Errorf("%s: %v, %v; no one else may see it", dir, info, err)
				}
			}
		})
	}
}

// A folder that others can write to, or that is a link, may hold anyone's socket and sessions.
func TestFoldersOfOthers(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("its folders have access lists")
	}
	link := func(dir string) error { return os.Symlink(os.TempDir(), dir) }
	openTo := func(mode os.FileMode) func(string) error {
		return func(dir string) error { return errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, mode)) }
	}
	for name, tt := range map[string]struct {
		dir  string // below the home folder
		make func(string) error
		want string
	}{
		"runtime folder, writable": {"run/nhctl", openTo(0o777), "others may write"},
		"runtime folder, a link":   {"run/nhctl", link, "symbolic link"},
		"state folder, writable":   {"state/nhctl", openTo(0o770), "others may write"},
		"state folder, a link":     {"state/nhctl", link, "symbolic link"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home, err := os.MkdirTemp("", "nhctl-")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(home) })
			dir := filepath.Join(home, filepath.FromSlash(tt.dir))
			run, state := filepath.Join(home, "run"), filepath.Join(home, "state")
			err = errors.Join(os.Mkdir(run, 0o700), os.Mkdir(state, 0o700))
			if err := errors.Join(err, tt.make(dir)); err != nil {
				t.Fatal(err)
			}
			_, err = New(map[string]string{
				"HOME":            home,
				"XDG_STATE_HOME":  state,
				"XDG_RUNTIME_DIR": run,
			})
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("%v, want %q in it", err, tt.want)
			}
		})
	}
}
