package kept

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/nhctl/nhctl/sidecar/filesync/rooted"
)

// MaxTravel is how much of a folder travels to the other side, of all versions together, in bytes: more would not be
// kept there anyway.
const MaxTravel = MaxBytes

// Read opens a version's file, and returns its size. The caller closes it.
func (s *Store) Read(id string) (file io.ReadCloser, size int64, err error) {
	e, err := rooted.Open(s.dir, id)
	if err != nil {
		return nil, 0, fmt.Errorf("no version %q: %w", id, err)
	}
	defer e.Close()
	info, err := e.Lstat()
	switch {
	case err != nil:
		return nil, 0, err
	case !info.Mode().IsRegular():
		return nil, 0, fmt.Errorf("version %q is no file", id)
	}
	file, err = e.OpenFile(os.O_RDONLY, 0)
	return file, info.Size(), err
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

// Import adds a version of another store, of something that no one has decided about there, and returns where its file
// is. The other store says no more than the version's id: all else follows from it. A version that breaks off is not
// added.
func (s *Store) Import(id string, from io.Reader) (string, error) {
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
	e, err := rooted.OpenNew(s.dir, id)
	if err != nil {
		return "", err
	}
	defer e.Close()
	_, err = e.Lstat()
	known := err == nil
	temporary := e.Sibling(".importing") // what is in place may be another name of a file of the user's
	defer temporary.Remove()
	if err := save(temporary, from); err != nil {
		return "", err
	}
	if err := temporary.Rename(e); err != nil {
		return "", err
	}
	if v.Reason == Conflict && !known {
		s.conflicts++
	}
	return s.file(v), nil
}

func save(e rooted.Entry, from io.Reader) error {
	file, err := e.OpenFile(os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, from)
	return e.Explain(errors.Join(err, file.Close()))
}
