package kept

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/nhctl/nhctl/sidecar/filesync/rooted"
)

// MaxRead is how large a version may be that travels to the other side, in bytes.
const MaxRead = 256 << 20

// Read returns a version's bytes.
func (s *Store) Read(id string) ([]byte, error) {
	dir, name, err := rooted.Entry(s.dir, id)
	if err != nil {
		return nil, fmt.Errorf("no version %q: %w", id, err)
	}
	defer dir.Close()
	info, err := dir.Lstat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("version %q is no file", id)
	case info.Size() > MaxRead:
		return nil, fmt.Errorf("version %q has %d bytes: more than %d don't travel; copy the file with nhctl dev cp", id, info.Size(), MaxRead)
	}
	return dir.ReadFile(name)
}

// named is the version that an id is of.
func named(id string) (Version, error) {
	rel, name := path.Split(id)
	rel = strings.TrimSuffix(rel, "/")
	v, ok := parseName(rel, name)
	if !ok || rel == "" || v.ID != id || !filepath.IsLocal(filepath.FromSlash(id)) {
		return v, fmt.Errorf("no version %q", id)
	}
	return v, nil
}

// Import adds a version of another store, of something that no one has decided about there, and returns where its file is. The other store
// says no more than the version's id: all else follows from it.
func (s *Store) Import(id string, data []byte) (string, error) {
	v, err := named(id)
	if err != nil {
		return "", err
	}
	if v.Reason != Conflict && v.Reason != First {
		return "", fmt.Errorf("version %q is not one that waits for a decision", id)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return "", err
	}
	dir, name, err := rooted.NewEntry(s.dir, id)
	if err != nil {
		return "", err
	}
	defer dir.Close()
	_, err = dir.Lstat(name)
	known := err == nil
	const temporary = ".importing" // what is in place may be another name of a file of the user's
	defer dir.Remove(temporary)
	if err := errors.Join(dir.WriteFile(temporary, data, 0o600), dir.Rename(temporary, name)); err != nil {
		return "", err
	}
	if v.Reason == Conflict && !known {
		s.conflicts++
	}
	return s.file(v), nil
}
