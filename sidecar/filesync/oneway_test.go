package filesync

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/sidecar/filesync/folderfs"
	"github.com/nhctl/nhctl/sidecar/filesync/foldertest"
)

// told waits until a side says that a file is not carried as it is.
func (e *end) told(name, reason string) {
	e.t.Helper()
	eventually(e.t, func() error {
		s, err := e.engine.Status()
		if err == nil && !strings.Contains(s.NotCarried[name], reason) {
			err = fmt.Errorf("%s: told %v, want %q", name, s.NotCarried, reason)
		}
		return err
	})
}

func absent(t testing.TB, root string, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := os.Lstat(filepath.Join(root, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is there: %v", name, err)
		}
	}
}

func holds(t testing.TB, root, name, text string) {
	t.Helper()
	if data, err := os.ReadFile(filepath.Join(root, name)); err != nil || string(data) != text {
		t.Errorf("%s holds %q, %v; want %q", name, data, err, text)
	}
}

// Files that tools on the computer act on go to the pod, and never come back changed; both ends stay in step all the
// same.
func TestOneWay(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, b string){
		"changed": func(t *testing.T, b string) { foldertest.Put(t, b, ".npmrc", "script-shell=/evil") },
		"changed to the same size and time": func(t *testing.T, b string) {
			if err := os.Chmod(filepath.Join(b, ".npmrc"), 0o777); err != nil {
				t.Fatal(err)
			}
		},
		"deleted": func(t *testing.T, b string) {
			if err := os.Remove(filepath.Join(b, ".npmrc")); err != nil {
				t.Fatal(err)
			}
		},
		"renamed": func(t *testing.T, b string) {
			if err := os.Rename(filepath.Join(b, ".npmrc"), filepath.Join(b, ".yarnrc")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, a, b := newPair(t, Settings{Type: SendReceive})
			foldertest.Put(t, a, ".npmrc", "mine")
			foldertest.Put(t, a, "sub/.claude/settings.json", "{}")
			p.start()
			p.same()
			change(t, b)
			foldertest.Put(t, b, "other", "1")
			arrives(t, a, "other", "1")
			p.wait()
			holds(t, a, ".npmrc", "mine")
			absent(t, a, ".yarnrc")
			foldertest.Put(t, a, ".npmrc", "mine again") // and a local edit goes out again
			arrives(t, b, ".npmrc", "mine again")
			p.wait()
			holds(t, a, ".npmrc", "mine again")
		})
	}
}

// What only the pod has stays there, and is told.
func TestOneWayMadeInPod(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	foldertest.Put(t, a, "main.go", "1")
	p.start()
	p.same()
	made := []string{".mcp.json", ".cursor/mcp.json", "deep/.husky/pre-commit", "x.code-workspace", ".dir-locals.el",
		".gdbinit", ".yarnrc.yml", "git~1/config", ".hg/hgrc"}
	for _, name := range made {
		foldertest.Put(t, b, name, "evil")
	}
	foldertest.Put(t, b, "deep/other", "1")
	arrives(t, a, "deep/other", "1")
	p.wait()
	absent(t, a, made...)
	p.remote.told(".mcp.json", "stays there: an agent reads it")
	foldertest.Put(t, a, ".mcp.json", "mine") // takes the place of the pod's, which is kept
	arrives(t, b, ".mcp.json", "mine")
	p.wait()
	versions, err := p.remote.engine.Versions(".mcp.json")
	if err != nil || len(versions) != 1 {
		t.Errorf("kept in the pod: %v, %v", versions, err)
	}
}

// A folder that the pod deletes stays where it has such files, and they go out again.
func TestOneWayInDeletedFolder(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	foldertest.Put(t, a, "app/.npmrc", "mine")
	foldertest.Put(t, a, "app/main.js", "1")
	p.start()
	p.same()
	if err := os.RemoveAll(filepath.Join(b, "app")); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if _, err := os.Stat(filepath.Join(a, "app/main.js")); err == nil {
			return errors.New("app/main.js is still there")
		}
		return nil
	})
	p.wait()
	holds(t, a, "app/.npmrc", "mine")
	foldertest.Put(t, a, "app/.npmrc", "mine again")
	arrives(t, b, "app/.npmrc", "mine again")
	p.wait()
}

// A script that a command names reaches the pod, from a folder that does not travel, and follows edits; nothing else
// there does.
func TestExceptions(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive, GitIgnore: true, Exceptions: []string{
		".nocalhost/run.sh", "svc/.dev/bin/start.sh",
	}})
	foldertest.Put(t, a, ".gitignore", ".nocalhost\n")
	for _, name := range []string{".nocalhost/run.sh", ".nocalhost/config.yaml", "svc/.dev/bin/start.sh",
		"svc/.dev/bin/other", "svc/.dev/config.yaml", ".dev/config.yaml", ".git/config"} {
		foldertest.Put(t, a, name, name)
	}
	p.start()
	p.wait()
	want := map[string]string{".gitignore": "-rw-r--r-- .nocalhost\n", ".nocalhost": "folder",
		".nocalhost/run.sh": "-rw-r--r-- .nocalhost/run.sh", "svc": "folder",
		"svc/.dev": "folder", "svc/.dev/bin": "folder", "svc/.dev/bin/start.sh": "-rw-r--r-- svc/.dev/bin/start.sh"}
	if diff := cmp.Diff(want, list(t, b)); diff != "" {
		t.Errorf("in the pod: %s", diff)
	}
	foldertest.Put(t, a, ".nocalhost/run.sh", "edited")
	arrives(t, b, ".nocalhost/run.sh", "edited")
	foldertest.Put(t, b, ".nocalhost/run.sh", "evil")
	foldertest.Put(t, b, ".nocalhost/config.yaml", "evil")
	foldertest.Put(t, b, "other", "1")
	arrives(t, a, "other", "1")
	p.wait()
	holds(t, a, ".nocalhost/run.sh", "edited")
	holds(t, a, ".nocalhost/config.yaml", ".nocalhost/config.yaml")
}

// Links of the pod that lead out of the folder stay there; those of the computer go to the pod as they are.
func TestLinksOutside(t *testing.T) {
	t.Parallel()
	links := map[string]string{"absolute": "/etc/passwd", "up": "../secret", "dir/up": "../../secret",
		"through": "out/passwd", "down-up": "dir/../../secret", "swap": "main.go"}
	for name, allowed := range map[string]bool{"refused": false, "allowed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, a, b := newPair(t, Settings{Type: SendReceive, LinksOutside: allowed})
			foldertest.Put(t, a, "main.go", "1")
			foldertest.Put(t, a, "dir/file", "1")
			if err := os.Symlink("/etc", filepath.Join(a, "out")); err != nil {
				t.Fatal(err)
			}
			p.start()
			p.same()
			for link, target := range links {
				if err := os.Symlink(target, filepath.Join(b, link)); err != nil {
					t.Fatal(err)
				}
			}
			foldertest.Put(t, b, "other", "1")
			arrives(t, a, "other", "1")
			p.wait()
			if allowed {
				p.same()
				return
			}
			absent(t, a, "absolute", "up", "dir/up", "through", "down-up")
			if target, err := os.Readlink(filepath.Join(a, "swap")); err != nil || target != "main.go" {
				t.Errorf("a link inside: %q, %v", target, err)
			}
			p.remote.told("absolute", "leads out of the folder")
		})
	}
}

// A bare repository that the pod makes does not become one on the computer.
func TestBareRepository(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	foldertest.Put(t, a, "main.go", "1")
	p.start()
	p.same()
	foldertest.Put(t, b, "sub/objects/x", "1")
	foldertest.Put(t, b, "sub/refs/x", "1")
	foldertest.Put(t, b, "sub/HEAD", "ref: refs/heads/main\n")
	foldertest.Put(t, b, "sub/config", "[core]\n\tfsmonitor = evil\n")
	arrives(t, a, "sub/config", "[core]\n\tfsmonitor = evil\n")
	p.wait()
	absent(t, a, "sub/HEAD")
	p.remote.told("sub/HEAD", "git would take the folder for a repository")
}

// The computer refuses by itself: a pod whose engine is another's does not get its way.
func TestHostilePod(t *testing.T) {
	t.Parallel()
	p, a, b := newPair(t, Settings{Type: SendReceive})
	p.remote.config.unprotected = true
	foldertest.Put(t, a, ".npmrc", "mine")
	foldertest.Put(t, a, "dir/objects/x", "1")
	foldertest.Put(t, a, "dir/refs/x", "1")
	p.start()
	p.same()
	foldertest.Put(t, b, ".npmrc", "evil")
	foldertest.Put(t, b, ".claude/settings.json", "evil")
	foldertest.Put(t, b, "dir/HEAD", "ref: x")
	foldertest.Put(t, b, "git~1/config", "evil")
	if err := os.Symlink("/etc", filepath.Join(b, "out")); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		s, err := p.local.engine.Status()
		if err == nil && (!strings.Contains(s.Errors[".npmrc"], folderfs.ErrProtected.Error()) ||
			!strings.Contains(s.Errors["out"], folderfs.ErrLeadsOut.Error()) ||
			!strings.Contains(s.Errors["dir/HEAD"], "git would take the folder for a repository")) {
			err = fmt.Errorf("errors: %v", s.Errors)
		}
		return err
	})
	holds(t, a, ".npmrc", "mine")
	absent(t, a, ".claude", "out", "dir/HEAD", "git~1/config")
	if left := foldertest.Names(t, a); !cmp.Equal(left, []string{".npmrc", "dir"}) {
		t.Errorf("on the computer: %q", left)
	}
}
