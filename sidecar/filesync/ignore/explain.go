package ignore

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Reason says why a path is synced or not.
type Reason struct {
	Path   string `json:"path"`
	Synced bool   `json:"synced"`
	// OneWay says that it goes to the pod and never comes back changed.
	OneWay bool `json:"oneWay,omitempty"`
	// Rule is the one that decided; File and Line say where it is. They are empty for a name that never travels, and
	// where no rule matches.
	Rule string `json:"rule,omitempty"`
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
	// Source is the absolute path of File on this computer; empty where the rule is in no file.
	Source string `json:"source,omitempty"`
	// Above is the folder that the rule is about, where it is not the path itself.
	Above string `json:"above,omitempty"`
	// Mount says what the container has mounted there, such as "ConfigMap web": that is no part of sync.
	Mount string `json:"mount,omitempty"`
	Text  string `json:"text"`
}

// Explain finds the rule that decides about a path: of git's, the one that `git check-ignore --verbose` names.
func Explain(root, rel string, git bool, given Rules, names Protection) Reason {
	rel = path.Clean(strings.TrimSuffix(rel, "/")) + strings.Repeat("/",
		min(1, len(rel)-len(strings.TrimSuffix(rel, "/"))))
	name := names.Of(rel)
	if name.Class == Never {
		return Reason{
			Path:  rel,
			Rule:  name.Name,
			Above: firstOf(rel, names),
			Text:  fmt.Sprintf("%s does not travel, in either direction: %s", name.Name, name.Reason),
		}
	}
	r := Reason{Path: rel, Synced: true, Text: "synced: no rule is about it"}
	if git && (name.Class == Free || !names.excepts(rel)) {
		r = explainGit(root, rel, given)
	}
	if r.Synced && name.Class == OneWay {
		r.OneWay = true
		text := fmt.Sprintf("goes to the pod, and what the pod makes of it stays there: %s", name.Reason)
		if r.Rule != "" {
			text = r.Text + "; it " + text
		} else {
			r.Rule = name.Name
		}
		r.Text = text
	}
	return r
}

// firstOf is the folder of a path that has the name which does not travel, where it is not the path itself.
func firstOf(rel string, names Protection) string {
	parts := split(rel)
	for i := range parts[:len(parts)-1] {
		if above := path.Join(parts[:i+1]...); names.Of(above).Class == Never {
			return above
		}
	}
	return ""
}

func explainGit(root, rel string, given Rules) Reason {
	if slices.Contains(given.Tracked, rel) {
		return Reason{Path: rel, Synced: true, Text: "synced: git tracks it, so that no rule is about it"}
	}
	var rules []rule
	for _, s := range given.Above {
		rules = append(rules, parse(s)...)
	}
	parts := split(strings.TrimSuffix(rel, "/"))
	for i := range parts {
		rules = append(rules, readRules(root, path.Join(parts[:i]...), given.Prefix)...)
		current, above := path.Join(parts[:i+1]...), ""
		if i < len(parts)-1 {
			above = current
		}
		info, err := os.Lstat(filepath.Join(root, filepath.FromSlash(current)))
		isDir := i < len(parts)-1 || err == nil && info.IsDir() || err != nil && strings.HasSuffix(rel, "/")
		found, ok := lastMatch(rules, path.Join(given.Prefix, current), isDir)
		if !ok || found.negative && above != "" {
			continue
		}
		r := Reason{
			Path:   rel,
			Synced: found.negative,
			Rule:   found.text,
			File:   found.file,
			Line:   found.line,
			Above:  above,
		}
		switch {
		case r.Synced:
			r.Text = fmt.Sprintf("synced because of %q in %s, line %d", r.Rule, r.File, r.Line)
		default:
			r.Text = fmt.Sprintf("ignored by %q in %s, line %d", r.Rule, r.File, r.Line)
			if above != "" {
				r.Text += ", which is about the folder " + above
			}
		}
		return r
	}
	return Reason{Path: rel, Synced: true, Text: "synced: no rule is about it"}
}
