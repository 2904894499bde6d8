// Package store keeps small documents on disk, for one user: what was written is there as a whole, also after a crash
// or a power cut, and what can't be read is kept and reported. It knows nothing of what the documents say.
package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nhctl/nhctl/sidecar/document"
)

// Format says which documents are read and written: their kind, and their version. Documents without a kind are those
// of builds that knew none.
type Format = document.Head

// file is a document with its format.
type file struct {
	Format
	Data json.RawMessage `json:"data"`
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

// Write replaces a document in one step: a reader sees the old one or the new one, and once Write has returned, a power
// cut does not undo it. Writers at the same moment don't disturb each other; the last one wins. What a newer build has
// added to the document survives. A document of a newer version is left alone, which is an error.
func Write(path string, format Format, data any) error {
	text, err := encode(path, format, data)
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

// encode encodes a document, with what the one at path has and this build does not know.
func encode(path string, format Format, data any) ([]byte, error) {
	there, err := os.ReadFile(path)
	if err != nil {
		there = nil // there is none, or what replaces it tells more
	}
	var old file
	if json.Unmarshal(there, &old) != nil {
		there, old = nil, file{}
	}
	switch err := old.check(format); {
	case errors.Is(err, document.ErrNewer):
		return nil, &Unreadable{Path: path, Err: err}
	case err != nil:
		there, old = nil, file{}
	}
	text, err := json.Marshal(data)
	if err == nil {
		text, err = document.UnknownIn(old.Data, data).AddTo(text)
	}
	if err == nil {
		text, err = json.Marshal(file{format, text})
	}
	if err == nil {
		text, err = document.UnknownIn(there, file{}).AddTo(text)
	}
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = json.Indent(&b, text, "", "  ")
	return b.Bytes(), err
}

// check says why a document is not of a format.
func (f file) check(want Format) error {
	if err := f.Format.Check(want); err != nil {
		return err
	}
	if f.Version < want.Version {
		return fmt.Errorf("an older nhctl wrote it (version %d, this one reads %d)", f.Version, want.Version)
	}
	return nil
}

// Read reads a document that Write has written with the same format. Its error is fs.ErrNotExist where there is none,
// and Unreadable where it has other contents: those are moved aside, unless a newer version wrote them, which will want
// them.
func Read(path string, format Format, data any) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err != nil {
		return &Unreadable{Path: path, Err: err}
	}
	var f file
	if err = json.Unmarshal(text, &f); err == nil {
		if err = f.check(format); errors.Is(err, document.ErrNewer) {
			return &Unreadable{Path: path, Err: err}
		}
	}
	if err == nil {
		err = json.Unmarshal(f.Data, data)
	}
	if err == nil {
		return nil
	}
	kept, moveErr := aside(path)
	return &Unreadable{Path: path, Kept: kept, Err: errors.Join(err, moveErr)}
}

// Kind is the kind of a document; empty where it has none, or can't be read.
func Kind(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	head, _ := document.HeadOf(text) // whoever reads it will say so
	return head.Kind, nil
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
