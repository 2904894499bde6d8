//go:build unix

package private

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

func TestDir(t *testing.T) {
	t.Parallel()
	made := func(mode os.FileMode) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, mode)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, tt := range map[string]struct {
		before func(*testing.T, string)
		failed string
	}{
		"missing":              {func(*testing.T, string) {}, ""},
		"the user's own":       {made(0o700), ""},
		"others can read":      {made(0o755), ""},
		"the group can write":  {made(0o770), "others may write to it (mode 0770)"},
		"everybody can write":  {made(0o777), "others may write to it (mode 0777)"},
		"writable, not listed": {made(0o702), "others may write to it (mode 0702)"},
		"sticky":               {made(0o777 | os.ModeSticky), "others may write to it"},
		"link": {func(t *testing.T, dir string) {
			if err := os.Symlink(t.TempDir(), dir); err != nil {
				t.Fatal(err)
			}
		}, "it is a symbolic link"},
		"file": {func(t *testing.T, dir string) {
			if err := os.WriteFile(dir, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "nhctl")
			tt.before(t, dir)
			err := Dir(dir)
			if tt.failed != "" {
				if err == nil || !strings.Contains(err.Error(), tt.failed) {
					t.Errorf("%v, want %q in it", err, tt.failed)
				}
				if p := problem.From(err); p.Code == problem.Refused && p.Hint == "" {
					t.Error("no hint")
				}
				return
			}
			info, statErr := os.Stat(dir)
			if err := errors.Join(err, statErr); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("%v, %v", info, err)
			}
		})
	}
}

// A directory of another user is refused, also by root, who could write to it.
func TestDirOfAnotherUser(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "nhctl")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		if err := Dir("/"); err == nil || !strings.Contains(err.Error(), "user 0 owns it") {
			t.Error(err)
		}
		return
	}
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if err := Dir(dir); err == nil || !strings.Contains(err.Error(), "user 65534 owns it, and you are user 0") {
		t.Error(err)
	}
	if Owned(dir) {
		t.Error("it is taken for the user's")
	}
}

func TestPeer(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "nhctl-") // socket paths are short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := net.Dial("unix", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	for name, conn := range map[string]net.Conn{"the client's end": client, "the server's end": server} {
		if err := Peer(conn); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	pipe, other := net.Pipe()
	defer pipe.Close()
	defer other.Close()
	if err := Peer(pipe); err == nil {
		t.Error("a pipe has no peer")
	}
	if err := samePeer(1, 2); !errors.Is(err, ErrPeer) {
		t.Errorf("another user: %v", err)
	}
}
