// Package ignore says which paths of a folder don't travel: those that git ignores, and those that must never come
// from a cluster. It finds the ignored paths that exist and names them one by one, so that git's rules hold exactly
// and the sync engine, whose own pattern language differs, only has to match names. It knows nothing of the engine.
package ignore

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// GitIgnoreFile is the name of git's per-folder rules.
const GitIgnoreFile = ".gitignore"

// Source is a file with git rules from outside of the tree.
type Source struct {
	// File is where it is, for people; the pod does not need it.
	File string `json:"-"`
	// Dir is the folder that its rules are about, from the repository's root; "" is that.
	Dir   string   `json:"dir,omitempty"`
	Lines []string `json:"lines"`
}

// Rules are what a tree can't read from its folder.
type Rules struct {
	// Prefix is where the folder is in its repository; "" is its root.
	Prefix string `json:"prefix,omitempty"`
	// Above are the files with rules outside of the folder, lowest priority first: core.excludesFile,
	// .git/info/exclude, and the .gitignore of each folder above.
	Above []Source `json:"above,omitempty"`
	// Tracked are the files below the folder that git tracks though a rule is about them: those are not ignored.
	Tracked []string `json:"tracked,omitempty"`
}

// Tree knows the git rules of every folder below a root that is not ignored itself. It is not safe for concurrent use.
type Tree struct {
	root string
	git  bool
	// mounts are paths that the container has from elsewhere.
	mounts contract.Mounts
	given  Rules
	names  Protection
	byName map[string]bool // names that never travel, in lower case
	above  []rule
	// tracked are the files that no rule concerns, and the folders that hold them.
	tracked map[string]bool
	// rules are those in force inside a folder, by relative path; folders without a file of their own share their
	// parent's.
	rules   map[string][]rule
	file    func(rel string)
	ignored map[string]bool // topmost ignored paths that exist, and whether they are folders
}

// New returns a tree that knows nothing yet: call Rebuild. With git false nothing but protected names is ignored.
func New(root string, git bool, given Rules, names Protection) *Tree {
	t := &Tree{root: root, git: git, given: given, names: names, byName: map[string]bool{}, tracked: map[string]bool{}}
	for _, s := range given.Above {
		t.above = append(t.above, parse(s)...)
	}
	for _, name := range names.ByName() {
		t.byName[name] = true
	}
	for _, rel := range given.Tracked {
		for ; rel != "." && !t.tracked[rel]; rel = path.Dir(rel) {
			t.tracked[rel] = true
		}
	}
	return t
}

// Except leaves out what the container has mounted. It holds from the next Rebuild on.
func (t *Tree) Except(mounts contract.Mounts) *Tree {
	t.mounts = mounts
	return t
}

// excepted says whether a path is left out for a mount: at or below it, or in the place of a folder that the mount is
// in.
func (t *Tree) excepted(rel string, isDir bool) bool {
	_, covered := t.mounts.Covering(rel)
	return covered || !isDir && t.mounts.Above(rel)
}

// Rebuild reads the whole tree again. visit is called with the relative path of each folder that is not ignored (""
// for the root), before its entries are read; file with each regular file.
func (t *Tree) Rebuild(visit, file func(rel string)) {
	t.rules = map[string][]rule{}
	t.ignored = map[string]bool{}
	t.file = file
	t.walk("", t.above, visit)
	t.file = nil
}

// everything is the rule of a folder that is ignored, but for files in it that are tracked.
var everything = []rule{{pattern: "*", anywhere: true}}

func (t *Tree) walk(dir string, inherited []rule, visit func(string)) {
	visit(dir)
	rules := inherited
	if t.git && !isEverything(inherited) {
		rules = append(slices.Clip(rules), readRules(t.root, dir, t.given.Prefix)...)
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

// readRules reads a folder's own rules. A link is no such file to git.
func readRules(root, dir, prefix string) []rule {
	file := filepath.Join(root, filepath.FromSlash(dir), GitIgnoreFile)
	if info, err := os.Lstat(file); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	return parse(Source{File: path.Join(dir,
		GitIgnoreFile), Dir: path.Join(prefix, dir), Lines: strings.Split(string(data), "\n")})
}

func isEverything(rules []rule) bool { return len(rules) == 1 && &rules[0] == &everything[0] }

// look classifies one entry, and walks into it when it is a folder that is not ignored.
func (t *Tree) look(rel string, isDir bool, rules []rule, visit func(string)) (ignored bool) {
	name := t.names.Of(rel)
	named := name.Class == OneWay && t.names.excepts(rel)
	switch {
	case name.Class == Never:
		if !t.byName[strings.ToLower(path.Base(rel))] {
			t.ignored[rel] = isDir
		}
		return true
	case t.excepted(rel, isDir):
		t.ignored[rel] = isDir
		return true
	case t.git && !named && t.isIgnored(rel, isDir, rules):
		if !isDir || !t.tracked[rel] {
			t.ignored[rel] = isDir
			return true
		}
		t.walk(rel, everything, visit)
	case isDir:
		t.walk(rel, rules, visit)
	}
	return false
}

func (t *Tree) isIgnored(rel string, isDir bool, rules []rule) bool {
	if !isDir && t.tracked[rel] {
		return false
	}
	r, ok := lastMatch(rules, path.Join(t.given.Prefix, rel), isDir)
	return ok && !r.negative
}

func split(rel string) []string {
	if rel == "" {
		return nil
	}
	return strings.Split(rel, "/")
}

// Touch tells of a path that appeared or changed. It says whether the path is ignored, and whether the list of
// Ignored grew; visit is as in Rebuild, for folders that are new.
func (t *Tree) Touch(rel string, visit func(dir string)) (ignored, grew bool) {
	parts := split(rel)
	if slices.ContainsFunc(parts, func(part string) bool { return t.byName[strings.ToLower(part)] }) {
		return true, false
	}
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
				return t.names.Of(current).Class == Never, false // gone: what was ignored is on the list already
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

// Despite picks, of the files that git tracks below a root, those that a rule is about: git does not ignore them.
func Despite(root string, tracked []string, given Rules) []string {
	var above []rule
	for _, s := range given.Above {
		above = append(above, parse(s)...)
	}
	folders := map[string][]rule{}
	var in func(dir string) []rule
	in = func(dir string) []rule {
		if rules, known := folders[dir]; known {
			return rules
		}
		inherited := above
		if dir != "" {
			inherited = in(parent(dir))
			if r, ok := lastMatch(inherited, path.Join(given.Prefix, dir), true); ok && !r.negative {
				inherited = everything
			}
		}
		if !isEverything(inherited) {
			inherited = append(slices.Clip(inherited), readRules(root, dir, given.Prefix)...)
		}
		folders[dir] = inherited
		return inherited
	}
	var despite []string
	for _, rel := range tracked {
		if r, ok := lastMatch(in(parent(rel)), path.Join(given.Prefix, rel), false); ok && !r.negative {
			despite = append(despite, rel)
		}
	}
	sort.Strings(despite)
	return despite
}

// parent is the folder that holds a path; "" is the root.
func parent(rel string) string {
	if i := strings.LastIndexByte(rel, '/'); i >= 0 {
		return rel[:i]
	}
	return ""
}
