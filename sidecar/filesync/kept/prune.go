package kept

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"time"
)

// Limits of what is kept of sessions that have ended, of all of them together.
const (
	MaxAge   = 30 * 24 * time.Hour
	MaxBytes = 1 << 30
)

// Prune removes what is too old, and the oldest of what is too much, from a folder that has a folder of stores for each
// session. What belongs to a live session stays, whatever it is.
func Prune(dir string, live func(session string) bool, now time.Time) error {
	sessions, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	type file struct {
		path string
		Version
	}
	var all []file
	for _, session := range sessions {
		if live(session.Name()) {
			continue
		}
		root := filepath.Join(dir, session.Name())
		versions, err := (&Store{dir: root}).list("")
		if err != nil {
			return err
		}
		for _, v := range versions {
			all = append(all, file{filepath.Join(root, filepath.FromSlash(v.ID)), v})
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Time.After(all[j].Time) }) // newest first
	total := int64(0)
	for _, f := range all {
		if total += f.Bytes; total <= MaxBytes && now.Sub(f.Time) <= MaxAge {
			continue
		}
		total -= f.Bytes
		if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		removeEmpty(filepath.Dir(f.path), dir)
	}
	return nil
}

// removeEmpty removes a folder and those above it that have become empty, below a root.
func removeEmpty(dir, root string) {
	for dir != root && os.Remove(dir) == nil {
		dir = filepath.Dir(dir)
	}
}
