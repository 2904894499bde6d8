// Package fill gives a folder that has nothing yet all files of another by one stream: first whole files, as they are
// found, then the index entries that they have on the other side. So both ends begin with the same index, and the model
// has nothing left to hash, ask for or compare; and no one who waits for the files waits for their hashes. It knows
// nothing of the engine that runs later.
package fill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/syncthing/syncthing/lib/protocol"
)

// item is a file, folder or link as it was found, with a file's content.
type item struct {
	Info protocol.FileInfo
	Data []byte
}

// answer comes twice: first when what can be is in place, with the number of files that are left to the engine; then
// when the index knows.
type answer struct {
	Error string
	Left  int
}

// MaxFile is the size in bytes of the greatest file that is sent whole: greater ones travel well by blocks, and go on
// where they were cut off.
const MaxFile = 1 << 20

// looking is how often a folder that is still being read is looked at for more to send.
const looking = 20 * time.Millisecond

// ErrNotFilled says that the peer did not put everything in place.
var ErrNotFilled = errors.New("the other side could not be filled")

// Source is the folder that is sent, and what its index has.
type Source interface {
	// Find finds all that is synced: its path here, and an entry without blocks.
	Find(yield func(path string, info protocol.FileInfo) bool) error
	// FirstRead returns when the model has read the folder for the first time.
	FirstRead() error
	// Entries are those that the index has got since a sequence number.
	Entries(since int64, yield func(protocol.FileInfo) bool) error
	// IndexID is the index that the entries are of.
	IndexID() protocol.IndexID
}

// Sender sends a folder to a peer that has nothing of it: Files, then Entries.
type Sender struct {
	source  Source
	root    string
	out     *chunkWriter
	writer  *itemWriter
	answers io.Reader
	awaited map[string]bool // what was sent, and has no entry yet
	last    int64           // the sequence number up to which entries were sent
	left    int             // how many files were not
	sent    atomic.Int64
	bytes   atomic.Int64
}

// NewSender returns a sender of the folder at root over a stream.
func NewSender(source Source, root string, stream io.ReadWriter) *Sender {
	out := newChunkWriter(stream)
	return &Sender{
		source:  source,
		root:    root,
		out:     out,
		writer:  &itemWriter{to: out},
		answers: stream,
		awaited: map[string]bool{},
	}
}

// Sent is how many files and bytes were sent so far.
func (s *Sender) Sent() (files int, bytes int64) { return int(s.sent.Load()), s.bytes.Load() }

// Files sends everything that is found, and returns how many files are not in place after that.
func (s *Sender) Files(ctx context.Context) (left int, err error) {
	var broken error
	each := func(yield func(found) bool) {
		broken = s.source.Find(func(path string, info protocol.FileInfo) bool {
			return yield(found{path: path, item: item{Info: info}})
		})
	}
	if err = inOrder(ctx, each, s.load, s.send); err == nil {
		err = broken
	}
	if err == nil {
		err = errors.Join(s.writer.whole(), s.out.Flush())
	}
	if err != nil {
		return 0, fmt.Errorf("send the folder: %w", err)
	}
	a, err := s.answer()
	return s.left + a.Left, err
}

// Entries sends what the index has of the files, as the folder is read for the first time; to its end, where that is
// what finds a loss.
func (s *Sender) Entries(ctx context.Context, toTheEnd bool) error {
	read := make(chan error, 1)
	var reading sync.WaitGroup
	defer reading.Wait()
	reading.Go(func() { read <- s.source.FirstRead() })
	for done := false; !done; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-read:
			if err != nil {
				return err
			}
			done = true
		case <-time.After(looking):
		}
		if err := s.more(); err != nil {
			return fmt.Errorf("send the index: %w", err)
		}
		done = done || len(s.awaited) == 0 && !toTheEnd // what is left of the read looks for what is gone
	}
	err := s.writer.end(s.source.IndexID())
	if err = errors.Join(err, s.out.Flush()); err != nil {
		return fmt.Errorf("send the index: %w", err)
	}
	_, err = s.answer()
	return err
}

func (s *Sender) answer() (answer, error) {
	a, err := readAnswer(s.answers)
	if err != nil {
		return a, fmt.Errorf("%w: %w", ErrNotFilled, err)
	}
	if a.Error != "" {
		return a, fmt.Errorf("%w: %s", ErrNotFilled, a.Error)
	}
	return a, nil
}

// found is an item with its path here.
type found struct {
	path string
	item
}

// load reads a file, unless another program is writing it: what is half of one content and half of another must not be
// sent.
func (s *Sender) load(f *found) {
	if !isFile(f.Info) || f.Info.Size > MaxFile {
		return
	}
	file, err := os.Open(filepath.Join(s.root, f.path))
	if err != nil {
		return // it is gone again, and the engine finds out
	}
	defer file.Close()
	data := make([]byte, f.Info.Size)
	if _, err := io.ReadFull(file, data); err != nil {
		return
	}
	if after, err := file.Stat(); err == nil && after.Size() == f.Info.Size && after.ModTime().Equal(f.Info.ModTime()) {
		f.Data = data
	}
}

func (s *Sender) send(f found) error {
	if isFile(f.Info) {
		if f.Data == nil {
			s.left++
			return nil
		}
		s.sent.Add(1)
		s.bytes.Add(int64(len(f.Data)))
	}
	s.awaited[f.Info.Name] = true
	return s.writer.file(f.item)
}

// more sends the entries that the index has got since.
func (s *Sender) more() (err error) {
	broken := s.source.Entries(s.last, func(f protocol.FileInfo) bool {
		s.last = f.Sequence
		delete(s.awaited, f.Name)
		err = s.writer.indexEntry(f)
		return err == nil
	})
	return errors.Join(broken, err)
}

func isFile(f protocol.FileInfo) bool {
	return !f.Deleted && !f.IsInvalid() && f.Type == protocol.FileInfoTypeFile
}
