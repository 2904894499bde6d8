package filesync

import (
	"fmt"
	"strings"

	"github.com/syncthing/syncthing/lib/fs"
	stignore "github.com/syncthing/syncthing/lib/ignore"

	"github.com/nhctl/nhctl/sidecar/filesync/folderfs"
	"github.com/nhctl/nhctl/sidecar/filesync/ignore"
)

// The fields of the config that hold patterns.
const (
	fieldFilePattern       = "dev.sync.filePattern"
	fieldIgnoreFilePattern = "dev.sync.ignoreFilePattern"
)

// Explain says why a path below a root is synced or not: the rule that decides, and where it is.
func (s Settings) Explain(root, rel string, given ignore.Rules) ignore.Reason {
	if m, ok := s.Mounts.Covering(rel); ok {
		r := ignore.Reason{
			Path: rel, Mount: m.Source,
			Text: fmt.Sprintf("no part of sync: %s is mounted in the container (%s)", m.Name(), m.Source),
		}
		if rel != m.Path {
			r.Above = m.Path
		}
		return r
	}
	r := ignore.Explain(root, rel, s.GitIgnore, given, s.names())
	if !r.Synced {
		return r
	}
	if p, ok := firstMatch(s.IgnorePatterns, rel); ok {
		return ignore.Reason{
			Path: rel,
			Rule: p,
			File: fieldIgnoreFilePattern,
			Text: fmt.Sprintf("left out by %q of %s", p, fieldIgnoreFilePattern),
		}
	}
	if s.everything() {
		return r
	}
	if p, ok := firstMatch(s.FilePatterns, rel); ok {
		return ignore.Reason{
			Path:   rel,
			Synced: true,
			Rule:   p,
			File:   fieldFilePattern,
			Text:   fmt.Sprintf("synced because of %q of %s", p, fieldFilePattern),
		}
	}
	return ignore.Reason{Path: rel, File: fieldFilePattern, Text: "left out: " + fieldFilePattern + " does not name it"}
}

// firstMatch returns the first of syncthing's patterns that is about a path.
func firstMatch(patterns []string, rel string) (string, bool) {
	for _, p := range patterns {
		m := stignore.New(fs.NewFilesystem(fs.FilesystemTypeFake, "/nhctl-patterns"), stignore.WithCache(false))
		if err := m.Parse(strings.NewReader(pattern(strings.TrimPrefix(p, "!"))+"\n"),
			folderfs.IgnoreFile); err == nil && m.Match(rel).IsIgnored() {
			return p, true
		}
	}
	return "", false
}
