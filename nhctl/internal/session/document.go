package session

import (
	"sync"
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
