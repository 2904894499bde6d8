package request

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/frame"
)

// Limits of the files of a container.
const (
	// MaxContent is how many bytes all files of an update have, MaxFiles the size of its frame.
	MaxContent = 8 << 20
	MaxFiles   = 2*MaxContent + 4<<20
	// MaxTrees is how many trees there are, MaxEntries how many entries one has.
	MaxTrees   = 64
	MaxEntries = 4096
	// MaxPath is the length of a path.
	MaxPath = 1024
)

// Files is an update of the files of the agent's container: of all trees at first, and then of those that have changed.
type Files struct {
	Trees []Tree `json:"trees"`
}

// Tree is a directory or a file of the container, with all that is below it.
type Tree struct {
	// Path is absolute.
	Path string `json:"path"`
	// Entries are the tree's own one, whose path is ".", and those below it, each after its directory.
	Entries []Entry `json:"entries,omitempty"`
	// Problem says why there are no entries.
	Problem string `json:"problem,omitempty"`
}

// Entry is a directory, a file or a link.
type Entry struct {
	// Path is relative to the tree, with slashes.
	Path string `json:"path"`
	// Mode is its type and its permissions.
	Mode fs.FileMode `json:"mode"`
	// Data is a file's content, Target where a link leads: to a relative path inside the tree.
	Data   []byte `json:"data,omitempty"`
	Target string `json:"target,omitempty"`
}

// Check says why an update can't be one. Nothing of it leads out of its tree.
func (f Files) Check() error {
	if len(f.Trees) > MaxTrees {
		return fmt.Errorf("%d trees: the limit is %d", len(f.Trees), MaxTrees)
	}
	content := 0
	for i, t := range f.Trees {
		if err := t.check(); err != nil {
			return fmt.Errorf("tree %q: %w", clip(t.Path), err)
		}
		content += t.Content()
		for _, o := range f.Trees[:i] {
			if contract.Within(t.Path, o.Path) || contract.Within(o.Path, t.Path) {
				return fmt.Errorf("tree %q is in tree %q", clip(t.Path), clip(o.Path))
			}
		}
	}
	if content > MaxContent {
		return fmt.Errorf("%d bytes of content: the limit is %d", content, MaxContent)
	}
	return nil
}

// Content is how many bytes the tree's files have.
func (t Tree) Content() (bytes int) {
	for _, e := range t.Entries {
		bytes += len(e.Data)
	}
	return bytes
}

func (t Tree) check() error {
	if !path.IsAbs(t.Path) || path.Clean(t.Path) != t.Path || t.Path == "/" || !plainPath(t.Path) {
		return fmt.Errorf("want an absolute path")
	}
	if t.Problem != "" {
		return nil
	}
	if len(t.Entries) == 0 || len(t.Entries) > MaxEntries {
		return fmt.Errorf("%d entries: want 1 to %d", len(t.Entries), MaxEntries)
	}
	known := map[string]fs.FileMode{}
	for i, e := range t.Entries {
		if err := e.check(i == 0, known); err != nil {
			return fmt.Errorf("entry %q: %w", clip(e.Path), err)
		}
		known[e.Path] = e.Mode
	}
	return nil
}

func (e Entry) check(first bool, known map[string]fs.FileMode) error {
	_, twice := known[e.Path]
	switch parent := known[path.Dir(e.Path)]; {
	case e.Mode&^(fs.ModeType|fs.ModePerm) != 0:
		return fmt.Errorf("mode %s", e.Mode)
	case first && e.Path == "." && (e.Mode.IsDir() || e.Mode.IsRegular()):
	case first || twice || !fs.ValidPath(e.Path) || !plainPath(e.Path):
		return fmt.Errorf("no path of an entry")
	case !parent.IsDir():
		return fmt.Errorf("its directory is none")
	}
	switch e.Mode.Type() {
	case fs.ModeDir, 0:
		return nil
	case fs.ModeSymlink:
		to := path.Join(path.Dir(e.Path), e.Target)
		if e.Target == "" || path.IsAbs(e.Target) || !plainPath(e.Target) || !filepath.IsLocal(to) {
			return fmt.Errorf("it leads to %q", clip(e.Target))
		}
		return nil
	}
	return fmt.Errorf("mode %s", e.Mode)
}

// plainPath says whether a path has a sensible length and no odd bytes.
func plainPath(p string) bool {
	return len(p) <= MaxPath && utf8.ValidString(p) && !strings.ContainsFunc(p, func(c rune) bool { return c < ' ' })
}

// WriteFiles writes an update.
func WriteFiles(w io.Writer, f Files) error {
	data, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return frame.Write(w, frameFiles, data)
}

// ReadFiles reads an update, and checks it.
func ReadFiles(r io.Reader) (f Files, err error) {
	data, err := read(r, frameFiles, MaxFiles)
	if err == nil {
		err = json.Unmarshal(data, &f)
	}
	if err == nil {
		err = f.Check()
	}
	return f, err
}
