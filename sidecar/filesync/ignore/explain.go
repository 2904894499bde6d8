package ignore

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
)

// Source is a file with git rules from outside of the tree.
type Source struct {
	File  string
	Lines []string
}

// Reason says why a path is synced or not.
type Reason struct {
	Path   string `json:"path"`
	Synced bool   `json:"synced"`
	// Rule is the one that decided; File and Line say where it is. They are empty for a name that never travels, and where no rule
	// matches.
	Rule string `json:"rule,omitempty"`
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
	// Above is the folder that the rule is about, where it is not the path itself.
	Above string `json:"above,omitempty"`
	// Mount says what the container has mounted there, such as "ConfigMap web": that is no part of sync.
	Mount string `json:"mount,omitempty"`
	Text  string `json:"text"`
}

// Explain finds the git rule that decides about a path, as `git check-ignore --verbose` does.
func Explain(root, rel string, git bool, global []Source) Reason {
	parts := split(path.Clean(rel))
	for i, name := range parts {
		current := path.Join(parts[:i+1]...)
		above := ""
		if i < len(parts)-1 {
			above = current
		}
		if IsProtected(name) {
			return Reason{Path: rel, Above: above, Text: name + " never travels: programs in the pod must not gain your computer"}
		}
		if !git {
			continue
		}
		info, err := os.Lstat(filepath.Join(root, filepath.FromSlash(current)))
		isDir := i < len(parts)-1 || err == nil && info.IsDir() || err != nil && strings.HasSuffix(rel, "/")
		rule, ok := decide(root, parts[:i+1], isDir, global)
		if !ok {
			continue
		}
		if !strings.HasPrefix(rule.Rule, "!") {
			rule.Path, rule.Above = rel, above
			rule.Text = fmt.Sprintf("ignored by %q in %s, line %d", rule.Rule, rule.File, rule.Line)
			if above != "" {
				rule.Text += ", which is about the folder " + above
			}
			return rule
		}
		if above == "" {
			rule.Path, rule.Synced = rel, true
			rule.Text = fmt.Sprintf("synced because of %q in %s, line %d", rule.Rule, rule.File, rule.Line)
			return rule
		}
	}
	return Reason{Path: rel, Synced: true, Text: "synced: no rule is about it"}
}

// decide returns the last rule that matches a path, of all files that have a say in its folder.
func decide(root string, parts []string, isDir bool, global []Source) (Reason, bool) {
	var found Reason
	look := func(file string, lines []string, domain []string) {
		for i, line := range lines {
			line = strings.TrimRight(line, "\r\n")
			if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
				continue
			}
			if gitignore.ParsePattern(line, domain).Match(parts, isDir) != gitignore.NoMatch {
				found = Reason{Rule: line, File: file, Line: i + 1}
			}
		}
	}
	for _, s := range global {
		look(s.File, s.Lines, nil)
	}
	for i := range parts {
		file := filepath.Join(root, filepath.Join(parts[:i]...), GitIgnoreFile)
		if data, err := os.ReadFile(file); err == nil {
			rel, _ := filepath.Rel(root, file)
			look(filepath.ToSlash(rel), strings.Split(string(data), "\n"), parts[:i])
		}
	}
	return found, found.Rule != ""
}
