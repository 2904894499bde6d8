// Package document has the rules of what is stored as JSON, on a computer, in a cluster or in a pod: a document says of
// which kind and version it is, this build refuses one of a newer version, and what a newer build has added to it
// survives a rewrite by an older one. It knows nothing of where documents are stored.
package document

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Head is the beginning of every stored document. It is read first: the other fields of a newer version may be of other
// types.
type Head struct {
	Kind    string `json:"kind,omitempty"`
	Version int    `json:"version"`
}

// ErrNewer says that a newer build has written a document.
var ErrNewer = errors.New("a newer nhctl wrote it")

// HeadOf reads the head of a document.
func HeadOf(text []byte) (Head, error) {
	var h Head
	return h, json.Unmarshal(text, &h)
}

// Check says why a document with this head is not read by a build that writes the head known. A document without a kind
// is of a build that knew none.
func (h Head) Check(known Head) error {
	const most = 64 // bytes of another kind that are worth showing
	switch {
	case h.Version > known.Version:
		return fmt.Errorf("%w (version %d, this one reads %d)", ErrNewer, h.Version, known.Version)
	case h.Kind != "" && h.Kind != known.Kind:
		return fmt.Errorf("its kind is %q, not %q", h.Kind[:min(len(h.Kind), most)], known.Kind)
	}
	return nil
}

// Read decodes a document of a kind and of a version up to the one known.
func Read(text []byte, known Head, into any) error {
	head, err := HeadOf(text)
	if err == nil {
		err = head.Check(known)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
