package ignore

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// The rule, file and line are those that git itself names.
func TestExplainAsGit(t *testing.T) {
	t.Parallel()
	root := makeTree(t, map[string]string{
		".gitignore":     "# build output\n*.log\n/build/\nvendor/*\n!vendor/keep\n",
		"src/.gitignore": "!important.log\ngenerated\n",
		"a.log":          "", "build/out.o": "", "vendor/keep": "", "vendor/x": "", "src/important.log": "",
		"src/other.log": "", "src/generated/deep/file": "", "src/main.go": "",
	})
	gitIgnored(t, root) // makes it a repository
	for _, rel := range []string{"a.log", "build/out.o", "vendor/keep", "vendor/x", "src/important.log",
		"src/other.log", "src/generated/deep/file", "src/main.go"} {
		cmd := exec.Command("git", "check-ignore", "--verbose", "--non-matching", "--no-index", rel)
		cmd.Dir = root
		out, _ := cmd.Output() // fails where nothing is ignored
		rule, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\t")
		r := Explain(root, rel, true, Rules{}, Protection{})
		got := fmt.Sprintf("%s:%d:%s", r.File, r.Line, r.Rule)
		if r.Rule == "" {
			got = "::"
		}
		if got != rule {
			t.Errorf("%s: git says %s, nhctl %s", rel, rule, got)
		}
		if ignored := rule != "::" && !strings.Contains(rule, ":!"); ignored == r.Synced {
			t.Errorf("%s: synced %v, git says %s", rel, r.Synced, rule)
		}
	}
	if r := Explain(root, "src/.git/config", true, Rules{}, Protection{}); r.Synced ||
		!strings.Contains(r.Text, "does not travel") {
		t.Errorf("%+v", r)
	}
	if r := Explain(root, "x.o", true,
		Rules{Above: []Source{{File: "/home/ada/.config/git/ignore", Lines: []string{"*.o"}}}},
		Protection{}); r.Text != `ignored by "*.o" in /home/ada/.config/git/ignore, line 1` {
		t.Errorf("%+v", r)
	}
}
