package filesync

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/osutil"
	"github.com/syncthing/syncthing/lib/protocol"
	"github.com/syncthing/syncthing/lib/scanner"
)

// A folder that has nothing yet is filled by one stream: first whole files, as they are found, then the index entries that they have on the
// other side. So both ends begin with the same index, and the model has nothing left to hash, ask for or compare; and nobody who waits for
// the files waits for their sums.

// poured is a file, folder or link as it was found, with a file's content.
type poured struct {
	Info protocol.FileInfo
	Data []byte
}

// filled is an answer. The first comes when what can be is in place, and says what is left to the engine; the second, when the index knows.
type filled struct {
	Error string
	Left  int
}

// carried is the size of the greatest file that a fill has: greater ones travel well by blocks, and go on where they were cut off.
const carried = 1 << 20

// looking is how often a folder that is still being read is looked at for more to send.
const looking = 20 * time.Millisecond

// quiet is how long the model's first read rests while files are sent, for the sake of whom they are sent to. On a slow link there is time
// for both.
const quiet = 20 * time.Second

// ErrNotFilled says that the peer did not put everything in place.
var ErrNotFilled = errors.New("the other side could not be filled")

// Pour sends the whole folder to a peer that has nothing of it, and returns when it may be attached there. placed is called before that,
// when all files are in place, unless the folder has lost so many that the guard will ask first. What changes meanwhile is left to the
// streams that are attached later.
func (e *Engine) Pour(ctx context.Context, stream io.ReadWriteCloser, placed func()) error {
	if err := e.Ready(ctx); err != nil {
		return err
	}
	defer stream.Close()
	defer context.AfterFunc(ctx, func() { stream.Close() })()
	out := newChunkWriter(stream)
	p := &pouring{engine: e, out: out, writer: &pourWriter{to: out}, answers: stream, awaited: map[string]bool{}}
	e.pouring.Store(p)
	defer e.pouring.Store(nil)
	left, err := p.files(ctx)
	if err != nil {
		return err
	}
	known := e.known()
	doubtful := e.excessive(known, known-int(p.sent.Load()))
	if left == 0 && !doubtful {
		placed()
	}
	return p.entries(ctx, doubtful)
}

// pouring is a folder on its way.
type pouring struct {
	engine  *Engine
	out     *chunkWriter
	writer  *pourWriter
	answers io.Reader
	awaited map[string]bool // what was sent, and has no entry yet
	last    int64           // the sequence number up to which entries were sent
	left    int             // how many files were not
	sent    atomic.Int64
	bytes   atomic.Int64
}

// files sends everything that is found, and returns how much is not in place after that.
func (p *pouring) files(ctx context.Context) (left int, err error) {
	defer p.engine.place.rest(quiet)()
	var broken error
	each := func(yield func(poured) bool) { broken = p.engine.find(yield) }
	if err = inOrder(ctx, each, p.load, p.send); err == nil {
		err = broken
	}
	if err == nil {
		err = errors.Join(p.writer.whole(), p.out.Flush())
	}
	if err != nil {
		return 0, fmt.Errorf("send the folder: %w", err)
	}
	answer, err := p.answer()
	return p.left + answer.Left, err
}

// entries sends what the index has of them, as the folder is read for the first time; to its end, where that is what finds a loss.
func (p *pouring) entries(ctx context.Context, toTheEnd bool) error {
	read := make(chan error, 1)
	var reading sync.WaitGroup
	defer reading.Wait()
	reading.Go(func() { read <- p.engine.firstRead() })
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
		if err := p.more(); err != nil {
			return fmt.Errorf("send the index: %w", err)
		}
		done = done || len(p.awaited) == 0 && !toTheEnd // what is left of the read looks for what is gone
	}
	err := p.writer.end(p.engine.ids.IndexID(protocol.LocalDeviceID))
	if err = errors.Join(err, p.out.Flush()); err != nil {
		return fmt.Errorf("send the index: %w", err)
	}
	_, err = p.answer()
	return err
}

func (p *pouring) answer() (filled, error) {
	answer, err := readAnswer(p.answers)
	if err != nil {
		return answer, fmt.Errorf("%w: %w", ErrNotFilled, err)
	}
	if answer.Error != "" {
		return answer, fmt.Errorf("%w: %s", ErrNotFilled, answer.Error)
	}
	return answer, nil
}

// firstRead returns when the folder has been read for the first time: the model takes no request before.
func (e *Engine) firstRead() error {
	e.searching.Lock()
	defer e.searching.Unlock()
	const nothing = ".nhctl-nothing"
	return e.scanFolder(nothing)
}

// find finds all that is synced, as the model will.
func (e *Engine) find(yield func(poured) bool) error {
	e.scanning.Lock()
	ignored, matcher, byName := e.tree.Ignored(), e.config.Settings.matcher(), map[string]bool{}
	for _, name := range e.config.Settings.names().ByName() {
		byName[name] = true
	}
	e.scanning.Unlock()
	left := make(map[string]bool, len(ignored))
	for _, rel := range ignored {
		left[rel] = true
	}
	folder := fs.NewFilesystem(fs.FilesystemTypeBasic, e.config.Root)
	ended := errors.New("no more is wanted")
	err := folder.Walk(".", func(name string, info fs.FileInfo, err error) error {
		rel := filepath.ToSlash(name)
		switch {
		case err != nil: // it is gone again, or can't be read: the engine finds out
			return nil
		case rel == "." || !utf8.ValidString(rel): // the model leaves such names out
			return nil
		}
		skip, below := left[rel] || byName[strings.ToLower(path.Base(rel))], false
		if !skip && matcher != nil {
			m := matcher.Match(rel)
			skip, below = m.IsIgnored(), !m.CanSkipDir() // what is below a folder that is left out may be wanted nevertheless
		}
		switch {
		case skip && info.IsDir() && !below:
			return fs.SkipDir
		case skip:
			return nil
		}
		i, err := scanner.CreateFileInfo(info, name, folder, false, false, nil)
		if special := !info.IsDir() && !info.IsRegular() && !info.IsSymlink(); err == nil && !special && !yield(poured{Info: i}) {
			return ended
		}
		return nil
	})
	if errors.Is(err, ended) {
		return nil
	}
	return err
}

// load reads a file, unless somebody writes it meanwhile: what is half of one content and half of another must not be sent.
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
	if _, err := io.ReadFull(file, data); err != nil {
		return
	}
	if after, err := file.Stat(); err == nil && after.Size() == f.Size && after.ModTime().Equal(f.ModTime()) {
		i.Data = data
	}
}

func (p *pouring) send(i poured) error {
	if isFile(i.Info) {
		if i.Data == nil {
			p.left++
			return nil
		}
		p.sent.Add(1)
		p.bytes.Add(int64(len(i.Data)))
	}
	p.awaited[i.Info.Name] = true
	return p.writer.file(i)
}

// more sends the entries that the index has got since.
func (p *pouring) more() (err error) {
	snapshot, err := p.engine.model.DBSnapshot(p.engine.config.FolderID)
	if err != nil {
		return err
	}
	defer snapshot.Release()
	snapshot.WithHaveSequence(p.last+1, func(f protocol.FileInfo) bool {
		p.last, f = f.Sequence, wireInfo(f)
		delete(p.awaited, f.Name)
		err = p.writer.indexEntry(f)
		return err == nil
	})
	return err
}

// tell says in a status how far it is.
func (p *pouring) tell(s *Status) {
	if p != nil && s.State == StateDisconnected {
		s.State, s.PeerNeedFiles, s.PeerNeedBytes = StateSyncing, max(0, s.Files-int(p.sent.Load())), max(0, s.Bytes-p.bytes.Load())
	}
}

// wireInfo is an entry as it is poured.
func wireInfo(f protocol.FileInfo) protocol.FileInfo {
	f = announced(f)
	f.Name, f.Platform = filepath.ToSlash(osutil.NormalizedFilename(f.Name)), protocol.PlatformData{}
	return f
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
