// Package filesync keeps a folder on a developer's computer and a folder in a pod the same. Both ends run it:
// syncthing's model as a library, fed by a watcher of our own, over any byte stream. It knows nothing of Kubernetes,
// nor of how the stream comes about.
package filesync

import (
	"fmt"
	"path"
	"strings"

	"github.com/syncthing/syncthing/lib/fs"
	stignore "github.com/syncthing/syncthing/lib/ignore"

	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/filesync/folderfs"
	"github.com/nhctl/nhctl/sidecar/filesync/ignore"
)

// Type says which way files go, as seen from the developer's computer.
type Type string

// The types.
const (
	Send        Type = "send"
	SendReceive Type = "sendReceive"
	Receive     Type = "receive"
)

// Sends says whether the computer's files go to the pod.
func (t Type) Sends() bool { return t != Receive }

// Receives says whether the pod's files come to the computer.
func (t Type) Receives() bool { return t != Send }

// check refuses what is no type: it would be taken for both ways, and bring the pod's files to a computer that never
// asked for them.
func (t Type) check() error {
	switch t {
	case Send, SendReceive, Receive:
		return nil
	}
	return fmt.Errorf("sync type %q is none of %s, %s and %s", t, Send, SendReceive, Receive)
}

// Settings say what is synced and how. The computer's end decides, and tells the pod's end at each connection.
type Settings struct {
	Type Type `json:"type"`
	// GitIgnore leaves out what git ignores.
	GitIgnore bool `json:"gitIgnore,omitempty"`
	// Rules are git's rules from outside the folder, and what it tracks despite its rules.
	Rules ignore.Rules `json:"rules,omitzero"`
	// Exceptions are files that go to the pod though their names don't travel: a command of the config names them.
	Exceptions []string `json:"exceptions,omitempty"`
	// LinksOutside lets links come from the pod that lead out of the folder.
	LinksOutside bool `json:"linksOutside,omitempty"`
	// FilePatterns, when there are any, are all that is synced; IgnorePatterns are left out in any case. They are
	// syncthing's patterns.
	FilePatterns   []string `json:"filePatterns,omitempty"`
	IgnorePatterns []string `json:"ignorePatterns,omitempty"`
	// Mounts are what the container has from elsewhere: no part of sync in either direction.
	Mounts contract.Mounts `json:"mounts,omitempty"`
	// DeleteProtection stops sync, and asks, where a great part of the folder is deleted at once.
	DeleteProtection bool `json:"deleteProtection,omitempty"`
	// Guard says what a great part is; nil means DefaultGuard.
	Guard *Guard `json:"guard,omitempty"`
}

func (s Settings) limits() Guard {
	if s.Guard == nil {
		return DefaultGuard
	}
	return *s.Guard
}

// names says how paths travel by their names.
func (s Settings) names() ignore.Protection { return ignore.Protect(s.Exceptions) }

// tree finds what is ignored below a root.
func (s Settings) tree(root string) *ignore.Tree {
	return ignore.New(root, s.GitIgnore, s.Rules, s.names()).Except(s.Mounts)
}

func (s Settings) patterns() bool { return len(s.FilePatterns)+len(s.IgnorePatterns) > 0 }

// matcher matches paths with the patterns, which the tree of ignored paths knows nothing of; nil where there are none.
func (s Settings) matcher() *stignore.Matcher {
	if !s.patterns() {
		return nil
	}
	m := stignore.New(fs.NewFilesystem(fs.FilesystemTypeFake, "/nhctl-patterns"), stignore.WithCache(false))
	_ = m.Parse(strings.NewReader(s.rules(nil)), folderfs.IgnoreFile)
	return m
}

// rules is the text of syncthing's ignore file: the first line that matches a path decides.
func (s Settings) rules(ignored []string) string {
	var b strings.Builder
	for _, name := range s.names().ByName() {
		fmt.Fprintf(&b, "(?i)%s\n", name)
	}
	for _, m := range s.Mounts {
		fmt.Fprintf(&b, "/%s\n", literal(m.Path))
	}
	for _, p := range s.IgnorePatterns {
		fmt.Fprintln(&b, pattern(p))
	}
	for _, rel := range ignored {
		fmt.Fprintf(&b, "/%s\n", literal(rel))
	}
	if !s.everything() {
		for _, p := range s.FilePatterns {
			fmt.Fprintf(&b, "!%s\n", pattern(strings.TrimPrefix(p, "!")))
		}
		fmt.Fprintln(&b, "**")
	}
	return b.String()
}

// pattern is one of syncthing's: what begins with "./" is meant from the folder's root.
func pattern(p string) string {
	if rest, ok := strings.CutPrefix(p, "./"); ok {
		return "/" + strings.TrimSuffix(rest, "/")
	}
	return p
}

// everything says whether the patterns name the whole folder.
func (s Settings) everything() bool {
	all := len(s.FilePatterns) == 0
	for _, p := range s.FilePatterns {
		all = all || path.Clean(p) == "."
	}
	return all
}

// literal escapes what has a meaning in syncthing's patterns.
func literal(rel string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`, `{`, `\{`, `}`, `\}`).Replace(rel)
}
