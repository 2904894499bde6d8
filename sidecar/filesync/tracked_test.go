package filesync

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nhctl/nhctl/sidecar/filesync/foldertest"
)

// checkout is a git repository with two branches that have little in common.
type checkout struct {
	t    testing.TB
	root string
}

func (c checkout) git(args ...string) string {
	c.t.Helper()
	cmd := exec.Command("git",
		append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "gc.auto=0"}, args...)...)
	cmd.Dir = c.root
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("git %v: %v", args, err)
	}
	return string(out)
}

func (c checkout) Tracked(context.Context) ([]string, error) {
	if _, err := os.Stat(filepath.Join(c.root, ".git", "index")); err != nil {
		return nil, err
	}
	cmd := exec.Command("git", "ls-files", "-z")
	cmd.Dir = c.root
	out, err := cmd.Output()
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"), err
}

func (c checkout) Busy() bool {
	_, err := os.Lstat(filepath.Join(c.root, ".git", "index.lock"))
	return err == nil
}

// newCheckout returns a pair whose computer's folder has the branch "large", of 100 files, and could have "small".
func newCheckout(t *testing.T) (checkout, *pair) {
	t.Helper()
	p, a, _ := newPair(t, Settings{Type: SendReceive, DeleteProtection: true})
	c := checkout{t, a}
	c.git("init", "-q", "-b", "small")
	for i := range 20 {
		foldertest.Put(t, a, fmt.Sprintf("small/file%d", i), fmt.Sprint(i))
	}
	c.git("add", ".")
	c.git("commit", "-qm", "small")
	c.git("checkout", "-q", "-b", "large")
	c.git("rm", "-rq", "small/file1", "small/file2")
	populate(t, a, 100)
	c.git("add", ".")
	c.git("commit", "-qm", "large")
	p.local.config.Repository = c
	return c, p
}

// alike waits until the pod has what git has, and nothing waits for a decision.
func (c checkout) alike(p *pair) {
	c.t.Helper()
	_ = p.local.engine.RepositoryChanged(c.t.Context())
	p.wait()
	if held := p.local.engine.Held(); held != nil {
		c.t.Fatalf("sync waits for a decision: %+v", held)
	}
	there := list(c.t, p.remote.config.Root)
	tracked, err := c.Tracked(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	for _, name := range tracked {
		if _, is := there[name]; !is {
			c.t.Errorf("%s is missing in the pod", name)
		}
	}
	if got := files(c.t, p.remote.config.Root); got != len(tracked) {
		c.t.Errorf("the pod has %d files, git %d", got, len(tracked))
	}
}

// A branch that is changed deletes most of the files, and nothing is asked.
func TestBranchSwitchIsNoAccident(t *testing.T) {
	t.Parallel()
	c, p := newCheckout(t)
	p.start()
	c.alike(p)
	for _, branch := range []string{"small", "large", "small", "large"} {
		c.git("checkout", "-q", branch)
		c.alike(p)
	}
	c.git("rm", "-rq", "src")
	c.alike(p)
}

// Nor are several in a row, as while bisecting: none of them deletes much, but all together do.
func TestBranchSwitchesInARow(t *testing.T) {
	t.Parallel()
	c, p := newCheckout(t)
	p.start()
	c.alike(p)
	for step := range 8 {
		rm := []string{"rm", "-q"}
		for i := step * 8; i < (step+1)*8; i++ {
			rm = append(rm, fmt.Sprintf("src/dir%d/file%d", i%5, i))
		}
		c.git(rm...)
		c.alike(p)
	}
}

// So it is where it happens while no engine runs.
func TestBranchSwitchInBetween(t *testing.T) {
	t.Parallel()
	c, p := newCheckout(t)
	p.start()
	c.alike(p)
	p.cut()
	p.local.kill()
	c.git("checkout", "-q", "small")
	p.local.start()
	p.connect()
	c.alike(p)
}

// What git knows nothing of is held in a repository, too, right after a change of branch as well; and a hold ends once
// the files are back.
func TestGuardHoldsInRepository(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(c checkout) error{ // before the sources go, all at once
		"tracked files":   func(checkout) error { return nil },
		"with repository": func(c checkout) error { return os.RemoveAll(filepath.Join(c.root, ".git")) },
		"with its index":  func(c checkout) error { return os.Remove(filepath.Join(c.root, ".git", "index")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, p := newCheckout(t)
			p.start()
			c.alike(p)
			c.git("checkout", "-q", "small")
			c.alike(p)
			c.git("checkout", "-q", "large")
			c.alike(p)
			want := files(t, p.remote.config.Root)
			saved := filepath.Join(t.TempDir(), "git")
			if err := os.CopyFS(saved, os.DirFS(filepath.Join(c.root, ".git"))); err != nil {
				t.Fatal(err)
			}
			if err := remove(c); err != nil {
				t.Fatal(err)
			}
			vanish(t, c.root)
			p.local.stops()
			if got := files(t, p.remote.config.Root); got != want {
				t.Errorf("the pod has %d of %d files", got, want)
			}
			foldertest.Put(t, c.root, "new1", "1") // and what came in the meantime does not keep it held
			if err := errors.Join(os.RemoveAll(filepath.Join(c.root, ".git")),
				os.CopyFS(filepath.Join(c.root, ".git"), os.DirFS(saved))); err != nil {
				t.Fatal(err)
			}
			c.git("checkout", "-q", "--", ".")
			eventually(t, func() error {
				if err := p.local.engine.RepositoryChanged(limited(t)); err != nil {
					return err
				}
				if p.local.engine.Held() != nil {
					return errors.New("sync is still held")
				}
				return nil
			})
			p.wait()
			if got := files(t, p.remote.config.Root); got != want+1 {
				t.Errorf("the pod has %d files, want %d", got, want+1)
			}
		})
	}
}
