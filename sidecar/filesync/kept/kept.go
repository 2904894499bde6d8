// Package kept keeps what the other side's changes would have lost: files that were replaced or deleted, and the losers
// of conflicts. Versions are plain files in a folder outside of the user's tree: PATH/TIME.REASON. It knows nothing of
// the sync engine.
package kept

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/nhctl/nhctl/sidecar/filesync/rooted"
)

// Reason is why a version is kept.
type Reason string

// The reasons.
const (
	Replaced Reason = "replaced" // the other side had a newer content
	Deleted  Reason = "deleted"  // the other side deleted it
	Moved    Reason = "moved"    // the other side moved it
	Conflict Reason = "conflict" // both sides had changed it; this one lost, and no one has decided yet
	First    Reason = "first"    // it differed when sync began, and the other side's content was wanted
	// Passing versions are at hand for a moment only, in case someone still writes into them; they are not listed.
	Passing Reason = "passing"
)

// Version is one kept file.
type Version struct {
	// ID names the version in its store.
	ID string `json:"id"`
	// Path is that of the file in the synced folder, with slashes.
	Path   string    `json:"path"`
	Time   time.Time `json:"time"`
	Reason Reason    `json:"reason"`
	Bytes  int64     `json:"bytes"`
	// Target is where a version leads that is a link.
	Target string `json:"target,omitempty"`
}

// copied is up to which size a moved file is copied.
const copied = 64 << 20

// layout of a version's time: it sorts, and may stand in a file name everywhere.
const layout = "20060102T150405.000000000Z"

// Store is a folder of versions.
type Store struct {
	dir string

	mu        sync.Mutex
	last      time.Time
	conflicts int
}

// Open reads a store's folder, which need not exist yet.
func Open(dir string) (*Store, error) {
	s := &Store{dir: dir}
	all, err := s.list("")
	if err != nil {
		return nil, err
	}
	for _, v := range all {
		switch v.Reason {
		case Conflict:
			s.conflicts++
		case Passing: // no one knows whether it was needed
			if err := s.Settle(v); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

func (s *Store) file(v Version) string { return filepath.Join(s.dir, filepath.FromSlash(v.ID)) }

// Conflicts is the number of conflicts that no one has decided.
func (s *Store) Conflicts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conflicts
}

// Keep makes a version of a file below a root, unless it is one already: another name of the same bytes where the file
// system can do that, else a copy. A Passing one is not worth a copy, and nothing is kept then. A Moved one is a copy
// at once, unless it is very large: the bytes live on under their new name, where they may be written to. The version
// is of rel, which the file may be under another name.
func (s *Store) Keep(root, name, rel string, reason Reason) (Version, error) {
	return s.keep(root, name, rel, reason, false)
}

// Copy makes a version of a file that is about to be written to: another name would have the new bytes too.
func (s *Store) Copy(root, name, rel string, reason Reason) (Version, error) {
	return s.keep(root, name, rel, reason, true)
}

func (s *Store) keep(root, name, rel string, reason Reason, bytes bool) (Version, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now().UTC()
	if !now.After(s.last) {
		now = s.last.Add(1)
	}
	s.last = now
	rel = filepath.ToSlash(rel)
	v := Version{ID: path.Join(rel, now.Format(layout)+"."+string(reason)), Path: rel, Time: now, Reason: reason}
	from, err := rooted.Open(root, name)
	if err != nil {
		return v, fmt.Errorf("keep %s: %w", rel, err)
	}
	defer from.Close()
	if info, err := from.Lstat(); err == nil {
		v.Bytes = info.Size()
		if reason != Conflict && s.hasNewest(rel, info) {
			return Version{}, nil
		}
	}
	if kept, err := s.add(from, v, bytes); err != nil {
		return v, fmt.Errorf("keep %s: %w", rel, err)
	} else if !kept {
		return Version{}, nil
	}
	if reason == Conflict {
		s.conflicts++
	}
	return v, nil
}

// add adds a version, and says whether it was worth it.
func (s *Store) add(from rooted.Entry, v Version, bytes bool) (bool, error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return false, err
	}
	to, err := rooted.OpenNew(s.dir, v.ID)
	if err != nil {
		return false, err
	}
	defer to.Close()
	err = errors.ErrUnsupported
	if !bytes && (v.Reason != Moved || v.Bytes > copied) {
		err = from.Link(to)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		if v.Reason == Passing {
			return false, nil
		}
		err = duplicate(from, to)
	}
	return err == nil, err
}

// hasNewest says whether the newest version of a path is the very same file.
func (s *Store) hasNewest(rel string, info fs.FileInfo) bool {
	all, err := s.versions(rel)
	if err != nil || len(all) == 0 {
		return false
	}
	newest := all[len(all)-1]
	there, err := os.Lstat(s.file(newest))
	return err == nil && newest.Reason != Passing && os.SameFile(there, info)
}

// versions lists those of one path, oldest first.
func (s *Store) versions(rel string) ([]Version, error) {
	dir := filepath.Join(s.dir, filepath.FromSlash(rel))
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []Version
	for _, e := range entries {
		if v, ok := parse(dir, rel, e); ok {
			all = append(all, v)
		}
	}
	return all, nil
}

// parse reads what an entry of a directory is a version of.
func parse(dir, rel string, e fs.DirEntry) (Version, bool) {
	v, ok := parseName(rel, e.Name())
	if e.IsDir() || !ok {
		return Version{}, false
	}
	if info, err := e.Info(); err == nil {
		v.Bytes = info.Size()
	}
	if e.Type()&fs.ModeSymlink != 0 {
		v.Target, _ = os.Readlink(filepath.Join(dir, e.Name()))
	}
	return v, true
}

func parseName(rel, name string) (Version, bool) {
	if len(name) <= len(layout)+1 {
		return Version{}, false
	}
	t, err := time.Parse(layout, name[:len(layout)])
	return Version{ID: path.Join(rel, name), Path: rel, Time: t, Reason: Reason(name[len(layout)+1:])}, err == nil
}

// List lists the versions of a path and of all below it, newest first; "" means all.
func (s *Store) List(rel string) ([]Version, error) {
	all, err := s.list(rel)
	return slices.DeleteFunc(all, func(v Version) bool { return v.Reason == Passing }), err
}

func (s *Store) list(rel string) ([]Version, error) {
	var all []Version
	root := filepath.Join(s.dir, filepath.FromSlash(rel))
	err := filepath.WalkDir(root, func(file string, e fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		dir, err := filepath.Rel(s.dir, filepath.Dir(file))
		if err != nil {
			return err
		}
		if v, ok := parse(filepath.Dir(file), filepath.ToSlash(dir), e); ok {
			all = append(all, v)
		}
		return nil
	})
	sort.SliceStable(all, func(i, j int) bool { return all[i].Time.After(all[j].Time) })
	return all, err
}

// Find is the version that an id names.
func (s *Store) Find(id string) (Version, error) {
	v, err := named(id)
	if err != nil {
		return v, err
	}
	info, err := s.Stat(v)
	if err != nil || v.Reason == Passing {
		return v, fmt.Errorf("no version %q: %w", id, cmp.Or(err, fs.ErrNotExist))
	}
	v.Bytes = info.Size()
	return v, nil
}

// Restore puts a version's bytes in place below a root, in one step, and never through a link. The version stays.
func (s *Store) Restore(v Version, root, rel string) error {
	to, err := rooted.OpenNew(root, rel)
	if err != nil {
		return fmt.Errorf("restore %s: %w", v.Path, err)
	}
	defer to.Close()
	from, err := rooted.Open(s.dir, v.ID)
	if err != nil {
		return fmt.Errorf("restore %s: %w", v.Path, err)
	}
	defer from.Close()
	temporary := to.Sibling(fmt.Sprintf(".syncthing.restored-%d.tmp", time.Now().UnixNano()))
	defer temporary.Remove()
	if err := duplicate(from, temporary); err != nil {
		return fmt.Errorf("restore %s: %w", v.Path, err)
	}
	return temporary.Rename(to)
}

// Settle makes an ordinary version of a conflict that was decided, and of a passing one that is needed.
func (s *Store) Settle(v Version) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	settled := strings.TrimSuffix(s.file(v), string(v.Reason)) + string(Replaced)
	if err := os.Rename(s.file(v), settled); err != nil {
		return err
	}
	if v.Reason == Conflict {
		s.conflicts--
	}
	return nil
}

// Drop removes a version, and the folders that it was the last in.
func (s *Store) Drop(v Version) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	file := s.file(v)
	if err := os.Remove(file); err != nil {
		return err
	}
	for dir := filepath.Dir(file); dir != s.dir && os.Remove(dir) == nil; {
		dir = filepath.Dir(dir)
	}
	return nil
}

// Stat describes a version's file.
func (s *Store) Stat(v Version) (fs.FileInfo, error) { return os.Lstat(s.file(v)) }
