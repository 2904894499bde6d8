package filesync

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/syncthing/syncthing/lib/osutil"
	"github.com/syncthing/syncthing/lib/protocol"
)

// A folder that has nothing yet is filled by one stream of whole files, with the index entries that they have on the other side. So
// both ends begin with the same index, and the model has nothing left to hash, ask for or compare.

// poured is an index entry as it travels, with its content where it is a file that is carried.
type poured struct {
	Info protocol.FileInfo
	Data []byte
	// End is set in the last one, which has nothing else.
	End *pouredEnd
}

// pouredEnd says which index the entries were all of.
type pouredEnd struct{ Index protocol.IndexID }

// filled is an answer to the last one. The first comes when what can be is in place, and says what is left to the engine; the second, when
// the index knows.
type filled struct {
	Error string
	Left  int
}

// carried is the size of the greatest file that a fill has: greater ones travel well by blocks, and go on where they were cut off.
const carried = 1 << 20

// looking is how often a folder that is still being read is looked at for more to send.
const looking = 20 * time.Millisecond

// ErrNotFilled says that the peer did not put everything in place.
var ErrNotFilled = errors.New("the other side could not be filled")

// Pour sends the whole folder to a peer that has nothing of it, and returns when it may be attached there. placed is called before that,
// when all files are in place. It begins while the folder is read for the first time. What changes meanwhile is left to the streams that
// are attached later.
func (e *Engine) Pour(ctx context.Context, stream io.ReadWriteCloser, placed func()) error {
	if err := e.Ready(ctx); err != nil {
		return err
	}
	defer stream.Close()
	defer context.AfterFunc(ctx, func() { stream.Close() })()
	read := make(chan error, 1)
	var reading sync.WaitGroup
	defer reading.Wait()
	reading.Go(func() { read <- e.firstRead() })

	out := newChunkWriter(stream)
	encoder := gob.NewEncoder(out)
	p := &pouring{engine: e, encoder: encoder, awaited: e.found()}
	e.pouring.Store(p)
	defer e.pouring.Store(nil)
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
		if err := p.more(ctx); err != nil {
			return fmt.Errorf("send the folder: %w", err)
		}
		done = done || p.all() // what is left of the read looks for what is gone
	}
	err := encoder.Encode(poured{End: &pouredEnd{Index: e.ids.IndexID(protocol.LocalDeviceID)}})
	if err = errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("send the folder: %w", err)
	}
	answers := gob.NewDecoder(stream)
	for stage := range 2 {
		var answer filled
		if err := answers.Decode(&answer); err != nil {
			return fmt.Errorf("%w: %w", ErrNotFilled, err)
		}
		if answer.Error != "" {
			return fmt.Errorf("%w: %s", ErrNotFilled, answer.Error)
		}
		if stage == 0 && answer.Left == 0 {
			placed()
		}
	}
	return nil
}

// found is how many files there were when the folder was opened, or last looked at.
func (e *Engine) found() int64 {
	e.scanning.Lock()
	defer e.scanning.Unlock()
	return int64(e.files)
}

// firstRead returns when the folder has been read for the first time: the model takes no request before.
func (e *Engine) firstRead() error {
	e.searching.Lock()
	defer e.searching.Unlock()
	const nothing = ".nhctl-nothing"
	return e.scanFolder(nothing)
}

// pouring is a folder on its way.
type pouring struct {
	engine  *Engine
	encoder *gob.Encoder
	last    int64 // the sequence number up to which everything was sent
	awaited int64 // how many files the folder has; 0 when that is not known
	found   int64 // how many of them were sent
	files   atomic.Int64
	bytes   atomic.Int64
}

// all says whether every file was sent.
func (p *pouring) all() bool { return p.awaited > 0 && p.found >= p.awaited }

func (p *pouring) send(i poured) error {
	if i.Info.Type == protocol.FileInfoTypeFile {
		p.files.Add(1)
		p.bytes.Add(int64(len(i.Data)))
	}
	if !i.Info.IsDirectory() && !i.Info.Deleted {
		p.found++
	}
	return p.encoder.Encode(i)
}

// tell says in a status how far it is.
func (p *pouring) tell(s *Status) {
	if p != nil && s.State == StateDisconnected {
		s.State, s.PeerNeedFiles, s.PeerNeedBytes = StateSyncing, max(0, s.Files-int(p.files.Load())), max(0, s.Bytes-p.bytes.Load())
	}
}

// more sends what the index has got since.
func (p *pouring) more(ctx context.Context) error {
	e := p.engine
	snapshot, err := e.model.DBSnapshot(e.config.FolderID)
	if err != nil {
		return err
	}
	defer snapshot.Release()
	begin := p.last + 1
	each := func(yield func(poured) bool) {
		snapshot.WithHaveSequence(begin, func(f protocol.FileInfo) bool {
			p.last = f.Sequence
			return yield(poured{Info: f})
		})
	}
	return inOrder(ctx, each, p.load, p.send)
}

// load reads a file, as the index knows it: the other side compares it with its sum.
func (p *pouring) load(i *poured) {
	f := i.Info
	i.Info = wireInfo(f)
	if !isFile(f) || f.Size > carried {
		return
	}
	file, err := os.Open(filepath.Join(p.engine.config.Root, f.Name))
	if err != nil {
		return // it is gone again, and the engine finds out
	}
	defer file.Close()
	data := make([]byte, f.Size)
	if _, err := io.ReadFull(file, data); err == nil {
		i.Data = data
	}
}

// wireInfo is an entry as it is poured.
func wireInfo(f protocol.FileInfo) protocol.FileInfo {
	f = announced(f)
	f.Name, f.Platform = filepath.ToSlash(osutil.NormalizedFilename(f.Name)), protocol.PlatformData{}
	return f
}

// matches says whether data is the content of an entry.
func matches(f protocol.FileInfo, data []byte) bool {
	if int64(len(data)) != f.Size {
		return false
	}
	for _, b := range f.Blocks {
		if b.Size < 0 || b.Size > len(data) {
			return false
		}
		if sum := sha256.Sum256(data[:b.Size]); !bytes.Equal(sum[:], b.Hash) {
			return false
		}
		data = data[b.Size:]
	}
	return len(data) == 0
}

// fillers is how many files are worked on at once, and ahead how many wait: files are small, and system calls are what takes time.
const (
	fillers = 4
	ahead   = 32
)

// inOrder calls do for each value on several goroutines, and out with the results in the order that the values had.
func inOrder[T any](ctx context.Context, each func(yield func(T) bool), do func(*T), out func(T) error) error {
	type slot struct {
		value T
		done  chan struct{}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	jobs, queue := make(chan *slot, ahead), make(chan *slot, ahead)
	var working sync.WaitGroup
	for range fillers {
		working.Go(func() {
			for s := range jobs {
				do(&s.value)
				close(s.done)
			}
		})
	}
	working.Go(func() {
		for s := range queue {
			<-s.done
			if ctx.Err() != nil {
				continue
			}
			if err := out(s.value); err != nil {
				cancel(err)
			}
		}
	})
	each(func(v T) bool {
		s := &slot{v, make(chan struct{})}
		jobs <- s
		queue <- s
		return ctx.Err() == nil
	})
	close(jobs)
	close(queue)
	working.Wait()
	return context.Cause(ctx)
}
