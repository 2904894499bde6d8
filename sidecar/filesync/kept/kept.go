// Package kept keeps what the other side's changes would have lost: files that were replaced or deleted, and the losers of conflicts.
// Versions are plain files in a folder outside of the user's tree: PATH/TIME.REASON. It knows nothing of the sync engine.
package kept

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"
)

// Reason is why a version is kept.
type Reason string

// The reasons.
const (
	Replaced Reason = "replaced" // the other side had a newer content
	Deleted  Reason = "deleted"  // the other side deleted it
	Moved    Reason = "moved"    // the other side moved it
	Conflict Reason = "conflict" // both sides had changed it; this one lost, and nobody has decided yet
	First    Reason = "first"    // it differed when sync began, and the other side's content was wanted
	// Passing versions are at hand for a moment only, in case somebody still writes into them; they are not listed.
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
		case Passing: // nobody knows whether it was needed
			if err := s.Settle(v); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

func (s *Store) file(v Version) string { return filepath.Join(s.dir, filepath.FromSlash(v.ID)) }

// Conflicts is the number of conflicts that nobody has decided.
func (s *Store) Conflicts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conflicts
}

// Keep makes a version of a file, unless it is one already: another name of the same bytes where the file system can do that, else a
// copy. A Passing one is not worth a copy, and nothing is kept then. A Moved one is a copy at once, unless it is very large: the
// bytes live on under their new name, where they may be written to.
func (s *Store) Keep(file, rel string, reason Reason) (Version, error) {
	return s.keep(file, rel, reason, false)
}

// Copy makes a version of a file that is about to be written to: another name would have the new bytes too.
func (s *Store) Copy(file, rel string, reason Reason) (Version, error) {
	return s.keep(file, rel, reason, true)
}

func (s *Store) keep(file, rel string, reason Reason, bytes bool) (Version, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now().UTC()
	if !now.After(s.last) {
		now = s.last.Add(1)
	}
	s.last = now
	rel = filepath.ToSlash(rel)
	v := Version{ID: path.Join(rel, now.Format(layout)+"."+string(reason)), Path: rel, Time: now, Reason: reason}
	if info, err := os.Lstat(file); err == nil {
		v.Bytes = info.Size()
		if reason != Conflict && s.hasNewest(rel, info) {
			return Version{}, nil
		}
	}
	target := s.file(v)
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return v, fmt.Errorf("keep %s: %w", rel, err)
	}
	err := errors.ErrUnsupported
	if !bytes && (reason != Moved || v.Bytes > copied) {
		err = os.Link(file, target)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		if reason == Passing {
			return Version{}, nil
		}
		err = duplicate(file, target)
	}
	if err != nil {
		return v, fmt.Errorf("keep %s: %w", rel, err)
	}
	if reason == Conflict {
		s.conflicts++
	}
	return v, nil
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
	entries, err := os.ReadDir(filepath.Join(s.dir, filepath.FromSlash(rel)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []Version
	for _, e := range entries {
		if v, ok := parse(rel, e); ok {
			all = append(all, v)
		}
	}
	return all, nil
}

func parse(rel string, e fs.DirEntry) (Version, bool) {
	if e.IsDir() || len(e.Name()) <= len(layout)+1 {
		return Version{}, false
	}
	t, err := time.Parse(layout, e.Name()[:len(layout)])
	if err != nil {
		return Version{}, false
	}
	v := Version{ID: path.Join(rel, e.Name()), Path: rel, Time: t, Reason: Reason(e.Name()[len(layout)+1:])}
	if info, err := e.Info(); err == nil {
		v.Bytes = info.Size()
	}
	return v, true
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
		if v, ok := parse(filepath.ToSlash(dir), e); ok {
			all = append(all, v)
		}
		return nil
	})
	sort.SliceStable(all, func(i, j int) bool { return all[i].Time.After(all[j].Time) })
	return all, err
}

// Restore puts a version's bytes at a path, in one step. The version stays.
func (s *Store) Restore(v Version, file string) error {
	if strings.Contains("/"+v.ID+"/", "/../") {
		return fmt.Errorf("no version %q", v.ID)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	temporary := filepath.Join(filepath.Dir(file), fmt.Sprintf(".syncthing.restored-%d.tmp", time.Now().UnixNano()))
	defer os.Remove(temporary)
	if err := duplicate(s.file(v), temporary); err != nil {
		return fmt.Errorf("restore %s: %w", v.Path, err)
	}
	return os.Rename(temporary, file)
}

// Read returns a version's bytes.
func (s *Store) Read(id string) ([]byte, error) {
	name := filepath.FromSlash(id)
	if !filepath.IsLocal(name) {
		return nil, fmt.Errorf("no version %q", id)
	}
	info, err := os.Lstat(filepath.Join(s.dir, name))
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("version %q is no file", id)
	}
	return os.ReadFile(filepath.Join(s.dir, name))
}

// Import adds a version of another store, and returns where its file is.
func (s *Store) Import(v Version, data []byte) (string, error) {
	name := filepath.FromSlash(v.ID)
	if !filepath.IsLocal(name) {
		return "", fmt.Errorf("no version %q", v.ID)
	}
	file := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return "", err
	}
	return file, os.WriteFile(file, data, 0o600)
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

// duplicate copies a file or a symlink, with mode and time.
func duplicate(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Chmod(info.Mode().Perm()), out.Close()); err != nil {
		_ = os.Remove(to)
		return err
	}
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}
