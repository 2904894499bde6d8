// Package ignore says which paths of a folder don't travel: those that git ignores, and those that must never come from a
// cluster. It finds the ignored paths that exist and names them one by one, so that git's rules hold exactly and the sync engine,
// whose own pattern language differs, only has to match names. It knows nothing of the engine.
package ignore

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// Protected names never travel, in either direction: whoever can run code in the pod must not gain the computer, and the pod
// needs none of them. They hold at any depth, in any case.
var protected = [...]string{".git", ".dev", ".nocalhost", ".vscode", ".idea", ".devcontainer", ".envrc", ".fleet", ".zed", ".nhctl"}

// Protected returns the names that never travel.
func Protected() []string { return protected[:] }

// IsProtected says whether a path has a protected name in it.
func IsProtected(rel string) bool {
	for part := range strings.SplitSeq(rel, "/") {
		for _, name := range protected {
			if strings.EqualFold(part, name) {
				return true
			}
		}
	}
	return false
}

// GitIgnoreFile is the name of git's per-folder rules.
const GitIgnoreFile = ".gitignore"

// Tree knows the git rules of every folder below a root that is not ignored itself. It is not safe for concurrent use.
type Tree struct {
	root string
	git  bool
	// mounts are paths that the container has from elsewhere.
	mounts contract.Mounts
	// global are rules from outside the tree, lowest priority first.
	global []gitignore.Pattern
	// rules are those in force inside a folder, by relative path; folders without a file of their own share their parent's.
	rules   map[string][]gitignore.Pattern
	file    func(rel string)
	ignored map[string]bool // topmost ignored paths that exist, and whether they are folders
}

// New returns a tree that knows nothing yet: call Rebuild. With git false nothing but protected names is ignored. The global
// lines are those of git's core.excludesFile and .git/info/exclude.
func New(root string, git bool, global []string) *Tree {
	t := &Tree{root: root, git: git}
	t.global = parse(strings.Join(global, "\n"), nil)
	return t
}

// Except leaves out what the container has mounted. It holds from the next Rebuild on.
func (t *Tree) Except(mounts contract.Mounts) *Tree {
	t.mounts = mounts
	return t
}

// excepted says whether a path is left out for a mount: at or below it, or in the place of a folder that the mount is in.
func (t *Tree) excepted(rel string, isDir bool) bool {
	_, covered := t.mounts.Covering(rel)
	return covered || !isDir && t.mounts.Above(rel)
}

func parse(text string, domain []string) []gitignore.Pattern {
	var patterns []gitignore.Pattern
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
			continue
		}
		patterns = append(patterns, gitignore.ParsePattern(line, domain))
	}
	return patterns
}

// Rebuild reads the whole tree anew. visit is called with the relative path of each folder that is not ignored ("" for the
// root), before its entries are read; file with each regular file.
func (t *Tree) Rebuild(visit, file func(rel string)) {
	t.rules = map[string][]gitignore.Pattern{}
	t.ignored = map[string]bool{}
	t.file = file
	t.walk("", t.global, visit)
	t.file = nil
}

func (t *Tree) walk(dir string, inherited []gitignore.Pattern, visit func(string)) {
	visit(dir)
	rules := inherited
	if t.git {
		if data, err := os.ReadFile(filepath.Join(t.root, filepath.FromSlash(dir), GitIgnoreFile)); err == nil {
			rules = append(slices.Clip(rules), parse(string(data), split(dir))...)
		}
	}
	t.rules[dir] = rules
	entries, err := os.ReadDir(filepath.Join(t.root, filepath.FromSlash(dir)))
	if err != nil {
		return // it vanished, or can't be read: the engine reports that
	}
	for _, e := range entries {
		rel := path.Join(dir, e.Name())
		if ignored := t.look(rel, e.IsDir(), rules, visit); !ignored && t.file != nil && e.Type().IsRegular() {
			t.file(rel)
		}
	}
}

// look classifies one entry, and walks into it when it is a folder that is not ignored.
func (t *Tree) look(rel string, isDir bool, rules []gitignore.Pattern, visit func(string)) (ignored bool) {
	switch {
	case IsProtected(path.Base(rel)):
		return true
	case t.excepted(rel, isDir):
		t.ignored[rel] = isDir
		return true
	case t.git && gitignore.NewMatcher(rules).Match(split(rel), isDir):
		t.ignored[rel] = isDir
		return true
	case isDir:
		t.walk(rel, rules, visit)
	}
	return false
}

func split(rel string) []string {
	if rel == "" {
		return nil
	}
	return strings.Split(rel, "/")
}

// Touch tells of a path that appeared or changed. It says whether the path is ignored, and whether the list of Ignored grew;
// visit is as in Rebuild, for folders that are new.
func (t *Tree) Touch(rel string, visit func(dir string)) (ignored, grew bool) {
	if IsProtected(rel) {
		return true, false
	}
	parts := split(rel)
	dir := ""
	for i := range parts {
		current := path.Join(dir, parts[i])
		if _, is := t.ignored[current]; is {
			return true, false
		}
		rules, known := t.rules[dir]
		if !known {
			return false, false // below a folder that is not there any more
		}
		last := i == len(parts)-1
		isDir := !last
		if last {
			info, err := os.Lstat(filepath.Join(t.root, filepath.FromSlash(current)))
			if err != nil {
				return false, false // gone: what was ignored is on the list already
			}
			isDir = info.IsDir()
		}
		if _, walked := t.rules[current]; isDir && walked && !last {
			dir = current
			continue
		}
		before := len(t.ignored)
		t.look(current, isDir, rules, visit)
		if _, is := t.ignored[current]; is {
			return true, true
		}
		return false, len(t.ignored) > before
	}
	return false, false
}

// Ignored lists the topmost ignored paths, sorted.
func (t *Tree) Ignored() []string {
	list := make([]string, 0, len(t.ignored))
	for rel := range t.ignored {
		list = append(list, rel)
	}
	sort.Strings(list)
	return list
}
