// Package store keeps small documents on disk, for one user: what was written is there as a whole, also after a crash or a power cut, and
// what can't be read is kept and reported. It knows nothing of what the documents say.
package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// document is a file's contents.
type document struct {
	Version int             `json:"version"`
	Data    json.RawMessage `json:"data"`
}

// Unreadable is a document that can't be read. It was moved to Kept, or stays where it is when Kept is empty.
type Unreadable struct {
	Path, Kept string
	Err        error
}

func (u *Unreadable) Error() string {
	if u.Kept == "" {
		return fmt.Sprintf("read %s: %v", u.Path, u.Err)
	}
	return fmt.Sprintf("read %s: %v; it is kept as %s", u.Path, u.Err, u.Kept)
}

func (u *Unreadable) Unwrap() error { return u.Err }

// Write replaces a document in one step: a reader sees the old one or the new one, and once Write has returned, a power cut does not
// undo it. Writers at the same moment don't disturb each other; the last one wins.
func Write(path string, version int, data any) error {
	text, err := json.Marshal(data)
	if err == nil {
		text, err = json.MarshalIndent(document{version, text}, "", "  ")
	}
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(dir)
}

// Read reads a document that Write has written with the same version. Its error is fs.ErrNotExist where there is none, and Unreadable
// where it has other contents: those are moved aside, unless a newer version wrote them, which will want them.
func Read(path string, version int, data any) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err != nil {
		return &Unreadable{Path: path, Err: err}
	}
	var d document
	switch err = json.Unmarshal(text, &d); {
	case err != nil:
	case d.Version > version:
		return &Unreadable{Path: path, Err: fmt.Errorf("a newer nhctl wrote it (version %d, this one reads %d)", d.Version, version)}
	case d.Version < version:
		err = fmt.Errorf("an older nhctl wrote it (version %d, this one reads %d)", d.Version, version)
	default:
		err = json.Unmarshal(d.Data, data)
	}
	if err == nil {
		return nil
	}
	kept, moveErr := aside(path)
	return &Unreadable{Path: path, Kept: kept, Err: errors.Join(err, moveErr)}
}

// aside gives a file a name that is not taken, and returns it.
func aside(path string) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".unreadable-*")
	if err != nil {
		return "", err
	}
	if err := errors.Join(f.Close(), os.Rename(path, f.Name())); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}
