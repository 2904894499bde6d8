//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// longHistory makes a repository whose revisions have little in common: folders come, go and are renamed.
func longHistory(t *testing.T, dir string, random *rand.Rand) (revisions []string) {
	t.Helper()
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git",
			append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "gc.auto=0"}, args...)...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q")
	for revision := range 60 {
		for range 3 {
			folder := filepath.Join(dir, fmt.Sprintf("part%d", random.IntN(12)))
			if _, err := os.Stat(folder); err == nil && random.IntN(2) == 0 {
				if err := os.RemoveAll(folder); err != nil {
					t.Fatal(err)
				}
				continue
			}
			for i := range 20 + random.IntN(80) {
				write(t, filepath.Join(folder, fmt.Sprintf("d%d/file%d.txt", i%7, i)),
					fmt.Sprint(revision, random.Int()))
			}
		}
		git("add", "-A")
		git("commit", "-q", "--allow-empty", "-m", fmt.Sprint(revision))
		revisions = append(revisions, git("rev-parse", "HEAD"))
	}
	return revisions
}

// sums are the checksums of a folder's files, but for what does not travel.
func sums(t *testing.T, run func(script string) (string, error)) []string {
	t.Helper()
	out, err := run(`find . -type f -not -path './.git/*' -not -path './.dev/*' -exec sha256sum {} +`)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	sort.Strings(lines)
	return lines
}

// Going to and fro between far-apart revisions of a long history stops nothing: both sides are equal after each, while
// the service runs with hot reload, and dev mode ends.
func TestSyncBranches(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dev := shared.developer(t, shop(t))
	src := filepath.Join(dev.home, "src", "catalog")
	write(t, filepath.Join(src, ".gitignore"), ".dev\n")
	revisions := longHistory(t, src, random)
	write(t, filepath.Join(src, ".dev/config.yaml"), `name: catalog
containers:
- name: catalog
  dev:
    image: ghcr.io/nhctl/dev-go:v0.1.0
    workDir: /home/dev/src
    hotReload: true
    command: {run: {argv: [sleep, infinity]}}
`)
	dev.must(src, "dev", "start", "--mode", "duplicate", "--no-terminal")
	dev.must(src, "dev", "run")
	for range 20 {
		revision := revisions[random.IntN(len(revisions))]
		cmd := exec.Command("git", "checkout", "-q", revision)
		cmd.Dir = src
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git checkout: %v\n%s", err, out)
		}
		dev.must(src, "dev", "sync", "wait", "--timeout", "60s")
		here := sums(t, func(script string) (string, error) {
			cmd := exec.Command("sh", "-c", script)
			cmd.Dir = src
			out, err := cmd.Output()
			return string(out), err
		})
		there := sums(t, func(script string) (string, error) { return dev.inPod(src, "sh", "-c", script) })
		if diff := cmp.Diff(here, there); diff != "" {
			t.Fatalf("%s: (-here +in the pod)\n%s", path.Base(revision), diff)
		}
	}
	dev.must(src, "dev", "end")
}
