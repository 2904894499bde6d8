// Package indexstore opens the database of a folder's index.
package indexstore

import (
	"errors"
	"os"
	"strconv"

	"github.com/syncthing/syncthing/lib/db/backend"
)

// What an open database keeps in memory, in bytes: entries that it has not written to a table yet, and blocks of tables
// that were read. With syncthing's sizes, 16 and 8 MiB, that was most of what a session of 10,000 files took.
const (
	writeBuffer = 4 << 20
	blockCache  = 1 << 20
)

// Open opens the database in a directory, and makes it where there is none.
func Open(dir string) (backend.Backend, error) {
	// syncthing takes these from the environment alone.
	err := errors.Join(os.Setenv("STDEBUG_WriteBuffer", strconv.Itoa(writeBuffer)),
		os.Setenv("STDEBUG_BlockCacheCapacity", strconv.Itoa(blockCache)))
	if err != nil {
		return nil, err
	}
	return backend.OpenLevelDB(dir, backend.TuningSmall)
}
