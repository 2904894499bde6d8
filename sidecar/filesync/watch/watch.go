// Package watch tells which paths below a folder changed, in batches. It watches the folders it is told to; it knows
// nothing of ignore rules or of sync.
package watch

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Timing of batches.
const (
	// quiet is how long nothing must happen before a batch is handed on: an editor's save is several events.
	quiet = 5 * time.Millisecond
	// longest is how long a batch may grow while events keep coming.
	longest = 50 * time.Millisecond
)

// Batch is what changed.
type Batch struct {
	// Paths are relative to the root, with slashes; each at most once.
	Paths []string
	// Since is when the first of it was seen.
	Since time.Time
	// Overflow says that events were lost: anything may have changed.
	Overflow bool
}

// LimitError says that the system watches no more folders.
type LimitError struct {
	Watched int
	// Unwatched is how many folders more there are: the limit has to be raised by that, and by what other programs
	// watch.
	Unwatched int
	Cause     error
}

func (e *LimitError) Error() string {
	const usual = 524288 // what distributions take when they raise it
	needed := usual
	for needed < 2*(e.Watched+e.Unwatched) {
		needed *= 2
	}
	return fmt.Sprintf("the system watches no more folders: %d of %d are watched (%v), and other changes are found "+
		"by looking, every two seconds or so; raise the limit with: sudo sysctl fs.inotify.max_user_watches=%d",
		e.Watched, e.Watched+e.Unwatched, e.Cause, needed)
}

func (e *LimitError) Unwrap() error { return e.Cause }

// ErrNoWatch says that this system has no way of watching that fits a tree of sources: kqueue, which macOS and the BSDs
// have, takes an open file for each file that is watched.
var ErrNoWatch = errors.New("changes are found by looking, every two seconds or so: watching would take an open " +
	"file for each file on this system")

// Watcher watches folders below a root.
type Watcher struct {
	root   string
	notify *fsnotify.Watcher // nil where nothing is watched
	// lost holds one value while an error of notify has not been dealt with.
	lost    chan struct{}
	reading sync.WaitGroup
	mu      sync.Mutex
	watched map[string]bool
	refused map[string]bool // for the limit
	limit   *LimitError
}

// New returns a watcher that watches nothing yet.
func New(root string) (*Watcher, error) {
	if kqueue {
		return &Watcher{root: root}, nil
	}
	n, err := fsnotify.NewBufferedWatcher(4096)
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", root, err)
	}
	w := &Watcher{
		root:    root,
		notify:  n,
		lost:    make(chan struct{}, 1),
		watched: map[string]bool{},
		refused: map[string]bool{},
	}
	w.reading.Go(w.readErrors)
	return w, nil
}

// readErrors takes the errors of notify as they come, whatever else goes on: until then, notify has a lock that its
// Add, Remove and Close want. It ends when notify is closed.
func (w *Watcher) readErrors() {
	for err := range w.notify.Errors {
		if err == nil {
			continue
		}
		select {
		case w.lost <- struct{}{}:
		default:
		}
	}
}

// Add watches a folder (not those below it), by its path relative to the root. A folder that is gone is no error.
func (w *Watcher) Add(dir string) {
	if w.notify == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.notify.Add(filepath.Join(w.root, filepath.FromSlash(dir)))
	switch {
	case err == nil:
		w.watched[dir] = true
		delete(w.refused, dir)
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EMFILE):
		w.refused[dir] = true
		w.limit = &LimitError{Watched: len(w.watched), Unwatched: len(w.refused), Cause: err}
	}
}

// Limit returns why not all folders are watched, or nil: the system's limit, or ErrNoWatch. The caller has to poll
// then.
func (w *Watcher) Limit() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.notify == nil:
		return ErrNoWatch
	case w.limit != nil:
		return w.limit
	}
	return nil
}

// Pending is how many events, about, wait to be told.
func (w *Watcher) Pending() int {
	if w.notify == nil {
		return 0
	}
	return len(w.notify.Events)
}

// Close ends the watches. Serve closes too.
func (w *Watcher) Close() error {
	if w.notify == nil {
		return nil
	}
	err := w.notify.Close()
	w.reading.Wait()
	return err
}

// Serve calls handle with each batch until ctx ends.
func (w *Watcher) Serve(ctx context.Context, handle func(Batch)) error {
	if w.notify == nil {
		<-ctx.Done()
		return nil
	}
	defer w.Close()
	for {
		batch := collector{seen: map[string]bool{}}
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-w.notify.Events:
			if !ok {
				return nil
			}
			w.collect(&batch, e)
		case <-w.lost:
			batch.Overflow = true
		}
		batch.Since = time.Now()
		w.gather(ctx, &batch)
		if len(batch.Paths) > 0 || batch.Overflow {
			handle(batch.Batch)
		}
	}
}

type collector struct {
	Batch
	seen map[string]bool
}

// gather adds events until it is quiet, or the batch has lasted long enough.
func (w *Watcher) gather(ctx context.Context, batch *collector) {
	end := time.NewTimer(longest)
	defer end.Stop()
	calm := time.NewTimer(quiet)
	defer calm.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-w.notify.Events:
			if !ok {
				return
			}
			w.collect(batch, e)
			calm.Reset(quiet)
		case <-w.lost:
			batch.Overflow = true
		case <-calm.C:
			return
		case <-end.C:
			return
		}
	}
}

func (w *Watcher) collect(batch *collector, e fsnotify.Event) {
	rel, err := filepath.Rel(w.root, e.Name)
	if err != nil || rel == "." {
		return
	}
	rel = filepath.ToSlash(rel)
	if e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename) {
		w.forget(rel)
	}
	if !batch.seen[rel] {
		batch.seen[rel] = true
		batch.Paths = append(batch.Paths, rel)
	}
}

// forget drops the watches of a folder that moved away: they would report its new place under the old name.
func (w *Watcher) forget(rel string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.watched[rel] {
		return
	}
	for dir := range w.watched {
		if dir == rel || strings.HasPrefix(dir, rel+"/") {
			_ = w.notify.Remove(filepath.Join(w.root, filepath.FromSlash(dir)))
			delete(w.watched, dir)
		}
	}
}
