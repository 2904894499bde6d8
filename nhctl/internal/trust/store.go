package trust

import (
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/store"
)

// Store keeps what the user has agreed to: a file per content, so that programs at the same moment don't get in each
// other's way.
type Store struct{ Dir string }

// agreed is a file's contents: the name alone counts, the rest is for people.
type agreed struct {
	Request
	Time time.Time `json:"time"`
}

// format is that of the files.
func format() store.Format { return store.Format{Kind: "trust", Version: 1} }

func (s Store) file(hash string) string { return filepath.Join(s.Dir, hash+".json") }

// Trusted says whether the user has agreed to this very content, or there is nothing to ask.
func (s Store) Trusted(r Request) (bool, error) {
	if r.Empty() {
		return true, nil
	}
	var a agreed
	switch err := store.Read(s.file(r.Hash()), format(), &a); {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	}
	return a.Hash() == r.Hash(), nil
}

// Trust notes that the user has agreed.
func (s Store) Trust(r Request) error {
	if r.Empty() {
		return nil
	}
	return store.Write(s.file(r.Hash()), format(), agreed{r, time.Now().UTC().Truncate(time.Second)})
}
