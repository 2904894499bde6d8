package session

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/store"
	"github.com/nhctl/nhctl/nhctl/internal/userdirs"
)

// Document is what this computer keeps of a session. It has one writer: what is on disk is never older than a change
// that has returned.
type Document[D any] struct {
	saving sync.Mutex // held while the document is written
	mu     sync.Mutex
	value  D
	write  func(D) error
}

// NewDocument returns a document with a value; the first Edit writes it.
func NewDocument[D any](value D, write func(D) error) *Document[D] {
	return &Document[D]{value: value, write: write}
}

// Value is the document as it is now. What its fields refer to is never changed: an edit replaces it.
func (d *Document[D]) Value() D {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.value
}

// Edit changes the document, and writes it before the next change is made.
func (d *Document[D]) Edit(edit func(*D)) error {
	d.saving.Lock()
	defer d.saving.Unlock()
	d.mu.Lock()
	edit(&d.value)
	edited := d.value
	d.mu.Unlock()
	return d.write(edited)
}

// File is the name of a session's document in its directory.
const File = "session.json"

// Write writes a session's document in one step.
func Write(dirs userdirs.Dirs, id string, format store.Format, document any) error {
	if !record.ValidID(id) {
		return fmt.Errorf("save a session: %q is no session's id", id)
	}
	return store.Write(filepath.Join(dirs.Session(id), File), format, document)
}

// Read reads a session's document, which is in a directory with the session's id. check says of which session it is, or
// why it can't be used.
func Read[S any](file string, format store.Format, check func(S) (id string, err error)) (s S, err error) {
	if err := store.Read(file, format, &s); err != nil {
		return s, err
	}
	id, err := check(s)
	if dir := filepath.Base(filepath.Dir(file)); err == nil && id != dir {
		err = fmt.Errorf("it is of session %s, in the folder of session %s", id, dir)
	}
	return s, err
}

// Remove removes all that this computer keeps of a session.
func Remove(dirs userdirs.Dirs, id string) error {
	if !record.ValidID(id) {
		return fmt.Errorf("remove a saved session: %q is no session's id", id)
	}
	return os.RemoveAll(dirs.Session(id))
}
