package filesync

import (
	"bufio"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/syncthing/syncthing/lib/protocol"
)

// spooled is an entry on its way to the index, and whether what it describes is in the folder.
type spooled struct {
	Info   protocol.FileInfo
	Placed bool
}

// spool keeps entries in a file, since a great tree's would fill the memory.
type spool struct {
	file    *os.File
	writer  *bufio.Writer
	encoder *gob.Encoder
}

func newSpool(dir string) (*spool, error) {
	file, err := os.CreateTemp(dir, "fill-")
	if err == nil {
		err = os.Remove(file.Name()) // it goes with its last user, whatever happens
	}
	if err != nil {
		return nil, fmt.Errorf("keep what the index will get, in %s: %w", filepath.Base(dir), err)
	}
	w := bufio.NewWriterSize(file, 64<<10)
	return &spool{file, w, gob.NewEncoder(w)}, nil
}

func (s *spool) add(entry spooled) error { return s.encoder.Encode(entry) }

func (s *spool) close() { s.file.Close() }

// batched is how many entries the index gets at once.
const batched = 500

// drain calls do with all entries, in their order: those of this side, and those of the peer.
func (s *spool) drain(do func(here, there []protocol.FileInfo)) error {
	if err := s.writer.Flush(); err != nil {
		return err
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	decoder := gob.NewDecoder(bufio.NewReader(s.file))
	var here, there []protocol.FileInfo
	for {
		var entry spooled
		err := decoder.Decode(&entry)
		if err == nil {
			there = append(there, entry.Info)
			if entry.Placed {
				here = append(here, entry.Info)
			}
		} else if !errors.Is(err, io.EOF) {
			return err
		}
		if len(there) >= batched || err != nil && len(there) > 0 {
			do(here, there)
			here, there = here[:0], there[:0]
		}
		if err != nil {
			return nil
		}
	}
}
