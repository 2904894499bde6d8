package localsync

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/sidecar/filesync/ignore"
)

// forest makes trees of files whose rules are made of few names, so that they meet.
type forest struct {
	t    *testing.T
	rand *rand.Rand
	env  map[string]string
}

func newForest(t *testing.T, seed uint64) forest {
	t.Helper()
	home := t.TempDir()
	return forest{t, rand.New(rand.NewPCG(seed, 0)),
		map[string]string{"HOME": home, "PATH": os.Getenv("PATH"), "GIT_CONFIG_NOSYSTEM": "1",
			"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a",
			"GIT_COMMITTER_EMAIL": "a@example.com"}}
}

func (f forest) pick(from ...string) string { return from[f.rand.IntN(len(from))] }

func (f forest) name() string {
	return f.pick("a", "b", "c", "log", "dist", "a.log", "b.log", "keep.log", "a.b", "x y", "ab", "[x]", "#a", "!b",
		"A", "-", "a*", `a\b`)
}

func (f forest) pattern() string {
	p := f.pick(f.name(), f.name(), "*", "*.log", "?", "**", "a*", "[ab]", "[!a]*", "[a-c]", "*.*", "a**",
		"[[:alpha:]]", `\a`, `\#a`, `\!b`, "[a-", "[]-a]", "**a", "*b*")
	for range f.rand.IntN(3) {
		p = f.pick(f.name(), "*", "**", "**", "a", "b") + "/" + p
	}
	p = f.pick("", "", "", "/") + p + f.pick("", "", "", "/", "/**", "/*", " ", `\ `, "\r")
	return f.pick("", "", "!") + p
}

func (f forest) rules() string {
	var b strings.Builder
	b.WriteString(f.pick("", "", "\ufeff"))
	for range 1 + f.rand.IntN(4) {
		b.WriteString(f.pattern() + "\n")
	}
	return strings.TrimSuffix(b.String(), f.pick("", "\n"))
}

func (f forest) write(file, text string) {
	f.t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

// grow makes files and rules below a folder.
func (f forest) grow(dir string, depth int) {
	f.t.Helper()
	if f.rand.IntN(3) == 0 {
		f.write(filepath.Join(dir, ignore.GitIgnoreFile), f.rules())
	}
	for range 2 + f.rand.IntN(4) {
		name := filepath.Join(dir, f.name())
		if _, err := os.Lstat(name); err == nil {
			continue
		}
		if depth > 0 && f.rand.IntN(2) == 0 {
			f.grow(name, depth-1)
		} else {
			f.write(name, "")
		}
	}
}

func (f forest) git(dir string, args ...string) string {
	f.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	for name, value := range f.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.Output()
	if err != nil {
		f.t.Fatalf("git %v: %v", args, err)
	}
	return string(out)
}

// plant makes a repository with rules in each of git's places, and tracks some of what they ignore.
func (f forest) plant() string {
	f.t.Helper()
	top, err := filepath.EvalSymlinks(f.t.TempDir())
	if err != nil {
		f.t.Fatal(err)
	}
	f.git(top, "init", "-q")
	f.grow(top, 3)
	f.outside(top, filepath.Join(top, ".git", "info", "exclude"))
	return top
}

// outside writes the rules that are outside of the work tree, and tracks some files.
func (f forest) outside(top, exclude string) {
	f.t.Helper()
	f.write(exclude, f.rules())
	f.write(filepath.Join(f.env["HOME"], "mine"), f.rules())
	f.write(filepath.Join(f.env["HOME"], ".gitconfig"),
		"[core]\n\texcludesFile = ~/mine\n[protocol \"file\"]\n\tallow = always\n")
	var tracked []string
	for _, rel := range strings.Split(strings.TrimSuffix(f.git(top, "ls-files", "-z", "-o"), "\x00"), "\x00") {
		if rel != "" && f.rand.IntN(5) == 0 {
			tracked = append(tracked, ":(literal)"+rel)
		}
	}
	if len(tracked) > 0 {
		f.git(top, append([]string{"add", "-f", "--"}, tracked...)...)
	}
}

// asGit compares what is ignored below each folder that git does not ignore.
func (f forest) asGit(top string) {
	f.t.Helper()
	_ = filepath.WalkDir(top, func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if d.Name() == ".git" {
			return fs.SkipDir
		}
		if rel, _ := filepath.Rel(top, dir); dir != top && f.ignores(top, rel) {
			return fs.SkipDir // who names such a folder wants it nevertheless
		}
		var want []string
		for _, rel := range strings.Split(f.git(dir, "ls-files", "-z", "-o", "-i", "--exclude-standard"), "\x00") {
			if rel != "" {
				want = append(want, rel)
			}
		}
		sort.Strings(want)
		tree := ignore.New(dir, true, Rules(f.t.Context(), dir, f.env, ""), ignore.Protection{})
		tree.Rebuild(func(string) {}, func(string) {})
		if diff := cmp.Diff(want, below(f.t, dir, tree.Ignored())); diff != "" {
			f.t.Errorf("%s: (-git +nhctl)\n%s", dir, diff)
		}
		return nil
	})
}

func (f forest) ignores(top, rel string) bool {
	cmd := exec.Command("git", "check-ignore", "-q", "--no-index", "--", rel+"/")
	cmd.Dir = top
	for name, value := range f.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd.Run() == nil
}

// below lists the files of paths.
func below(t *testing.T, root string, paths []string) []string {
	t.Helper()
	var files []string
	for _, rel := range paths {
		err := filepath.WalkDir(filepath.Join(root, rel), func(file string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				name, _ := filepath.Rel(root, file)
				files = append(files, filepath.ToSlash(name))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	sort.Strings(files)
	return files
}

// What is ignored is what git ignores, at every depth of the folder that is synced.
func TestRulesAsGit(t *testing.T) {
	t.Parallel()
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			f := newForest(t, seed)
			f.asGit(f.plant())
		})
	}
}

// The same where .git is a file: in a linked work tree, and in a submodule.
func TestRulesAsGitInWorktreesAndSubmodules(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			f := newForest(t, 1000+seed)
			top := f.plant()
			f.git(top, "commit", "-q", "--allow-empty", "-m", "first")
			linked := filepath.Join(f.t.TempDir(), "linked")
			f.git(top, "worktree", "add", "-q", linked)
			linked, _ = filepath.EvalSymlinks(linked)
			f.grow(linked, 2)
			f.outside(linked, filepath.Join(top, ".git", "info", "exclude"))
			f.asGit(linked)

			outer := newForest(t, 2000+seed)
			outer.env = f.env
			super := outer.plant()
			outer.git(super, "submodule", "--quiet", "add", "-f", top, "sub")
			sub := filepath.Join(super, "sub")
			f.grow(sub, 2)
			f.outside(sub, filepath.Join(super, ".git", "modules", "sub", "info", "exclude"))
			f.asGit(sub)
		})
	}
}

// What git tracks is read alike with git and without, in every version of the index.
func TestTrackedWithoutGit(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"2", "3", "4"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			f := newForest(t, 7)
			top := f.plant()
			f.write(filepath.Join(top, "deep/down/one"), "1")
			f.write(filepath.Join(top, "deep/down/two"), "2")
			f.git(top, "add", "-f", "deep")
			f.git(top, "update-index", "--index-version", version)
			f.git(top, "update-index", "--skip-worktree", "deep/down/one")
			for _, dir := range []string{"", "deep", "deep/down"} {
				r := Find(filepath.Join(top, dir), f.env)
				with, err := r.Tracked(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				without, err := r.readIndex()
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(with, without); diff != "" || len(with) == 0 {
					t.Errorf("%s: %d files (-with git +without)\n%s", path.Join(version, dir), len(with), diff)
				}
			}
		})
	}
}

// A monorepo's secrets and build output stay where they are, though its rules are above the folder that is synced.
func TestRulesOfMonorepo(t *testing.T) {
	t.Parallel()
	f := newForest(t, 0)
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f.git(top, "init", "-q")
	web := filepath.Join(top, "services", "web")
	f.write(filepath.Join(top, ".gitignore"), "dist/\n*.log\n!keep.log\n/services/web/secret.txt\n.env\n")
	f.write(filepath.Join(top, ".git", "info", "exclude"), "/services/web/scratch/\n")
	for _, rel := range []string{"src/a.txt", "dist/d.txt", "logs/x.log", "logs/keep.log", "secret.txt", ".env",
		"scratch/s", "src/tracked.log"} {
		f.write(filepath.Join(web, rel), "")
	}
	f.git(web, "add", "-f", "src/tracked.log")
	tree := ignore.New(web, true, Rules(t.Context(), web, f.env, ""), ignore.Protection{})
	tree.Rebuild(func(string) {}, func(string) {})
	if diff := cmp.Diff([]string{".env", "dist", "logs/x.log", "scratch", "secret.txt"}, tree.Ignored()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Configuration that others include for some folders counts as git has it.
func TestRulesOfIncludedConfig(t *testing.T) {
	t.Parallel()
	f := newForest(t, 0)
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f.git(top, "init", "-q")
	f.write(filepath.Join(f.env["HOME"], ".gitconfig"), "[includeIf \"gitdir:"+top+"/\"]\n\tpath = work\n")
	f.write(filepath.Join(f.env["HOME"], "work"), "[core]\n\texcludesFile = ~/at-work\n")
	f.write(filepath.Join(f.env["HOME"], "at-work"), "*.work\n")
	rules := Rules(t.Context(), top, f.env, "")
	if len(rules.Above) == 0 || rules.Above[0].Lines[0] != "*.work" {
		t.Errorf("%+v", rules)
	}
}
