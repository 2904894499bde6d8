package filesync

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/syncthing/syncthing/lib/protocol"
)

// Guard are the limits of the deletion guard: it holds sync where a batch deletes more than both.
type Guard struct {
	Percent int `json:"percent"`
	Files   int `json:"files"`
}

// DefaultGuard holds where nothing else was said.
var DefaultGuard = Guard{Percent: 25, Files: 20}

// settling is how long a deletion must have ended before it is judged, longRun how long that is awaited.
const (
	settling = 60 * time.Millisecond
	// settlings is how often a deletion of a few files is given that time: it may be the begin of a larger one.
	settlings = 4
	longRun   = 5 * time.Second
	// few changes may wait while a deletion is looked at; more are part of it.
	few = 3
)

// Deletion is a batch of deletions that waits for a decision.
type Deletion struct {
	Files int `json:"files"` // that are gone
	Of    int `json:"of"`    // that there were
	// Paths are theirs; at most mostNamed.
	Paths []string `json:"paths"`
}

// mostNamed is how many paths of a deletion are named.
const mostNamed = 100

// ErrHeld says that sync stopped for a batch of deletions.
var ErrHeld = errors.New("sync has stopped: a great part of the folder was deleted at once")

// ErrPaused says that sync rests.
var ErrPaused = errors.New("sync is paused")

// Held is the batch of deletions that waits here, if any.
func (e *Engine) Held() *Deletion {
	e.deciding.Lock()
	defer e.deciding.Unlock()
	return e.held
}

// guarded says whether deletions here travel, and need a look.
func (e *Engine) guarded() bool {
	s := e.settings()
	return s.DeleteProtection &&
		(e.config.Side == Local && s.Type.Sends() || e.config.Side == Remote && s.Type.Receives())
}

// known is how many files the index has; 0 while that is not to be guarded.
func (e *Engine) known() int {
	if !e.guarded() || e.accepting.Load() {
		return 0
	}
	snapshot, err := e.model.DBSnapshot(e.config.FolderID)
	if err != nil {
		return 0
	}
	defer snapshot.Release()
	return snapshot.LocalSize().Files
}

// awaitBatch waits for the end of a deletion, so that it is judged as a whole: it says whether all must be looked at
// for that.
func (e *Engine) awaitBatch(ctx context.Context, paths []string) (whole bool) {
	known := e.known()
	if known == 0 || !slices.ContainsFunc(paths, func(name string) bool { return e.gone(name) && e.had(name) }) {
		return false
	}
	for range settlings { // on a busy computer, who deletes has to wait now and then
		select {
		case <-ctx.Done():
			return false
		case <-time.After(settling):
		}
		if len(paths) > few || e.watcher.Pending() > 0 {
			break
		}
	}
	return len(paths)+e.watcher.Pending() > few && e.excessive(known, known-e.calm(ctx))
}

// deletions judges them for the folder on disk.
type deletions struct{ *Engine }

// Known is how many files the index has; 0 while that is not to be guarded.
func (e deletions) Known() int { return e.known() }

// Excessive says whether a scan that misses many files must be looked at.
func (e deletions) Excessive(known, gone int) bool { return e.excessive(known, gone) }

// Judge holds sync when too much is gone.
func (e deletions) Judge(known, before int) bool { return e.judge(known, before) }

// had says whether the index has a file, or files below a folder.
func (e *Engine) had(name string) bool {
	snapshot, err := e.model.DBSnapshot(e.config.FolderID)
	if err != nil {
		return false // the folder is paused, or ends
	}
	defer snapshot.Release()
	had := false
	snapshot.WithPrefixedHaveTruncated(protocol.LocalDeviceID, name, func(f protocol.FileInfo) bool {
		had = isFile(f)
		return !had
	})
	return had
}

// walk counts the files that are there.
func (e *Engine) walk() int {
	e.scanning.Lock()
	defer e.scanning.Unlock()
	e.rebuild()
	return e.files
}

// calm counts the files once no more vanish.
func (e *Engine) calm(ctx context.Context) int {
	files := e.walk()
	for end := time.Now().Add(longRun); time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return files
		case <-time.After(settling):
		}
		now := e.walk()
		if now >= files {
			return now
		}
		files = now
	}
	return files
}

// tooMany judges how many of the files that were known are gone. What is new makes up for what is gone: a folder that
// was renamed, or a branch that was changed, is no loss.
func (g Guard) tooMany(known, gone int) bool {
	return gone > g.Files && gone*100 > known*g.Percent
}

// excessive says whether a scan that misses many files must be looked at.
func (e *Engine) excessive(known, gone int) bool { return e.settings().limits().tooMany(known, gone) }

// judge holds sync when too much is gone: of those that are known, and before, within the same batch. The model asks,
// in the middle of a scan, before it writes down what it found.
func (e *Engine) judge(known, before int) bool {
	e.tracked.settled()
	left := e.calm(context.Background()) // whoever still deletes is not judged by what is gone so far
	// Also where there is nothing to hold: what version control took away must not count as lost in the next scans.
	excused := e.folder.Excuse(e.tracked.explains(context.Background(), e.missing()))
	if !e.excessive(known+before, known+before-left-excused) {
		return false
	}
	snapshot, err := e.model.DBSnapshot(e.config.FolderID)
	if err != nil {
		return false
	}
	defer snapshot.Release()
	d := Deletion{Files: known - left, Of: known}
	snapshot.WithHaveTruncated(protocol.LocalDeviceID, func(f protocol.FileInfo) bool {
		if isFile(f) && e.gone(f.Name) {
			d.Paths = append(d.Paths, filepath.ToSlash(f.Name))
		}
		return len(d.Paths) < mostNamed
	})
	e.deciding.Lock()
	e.held = &d
	e.deciding.Unlock()
	e.folder.Hold(true)
	e.config.Logger.Warn("deletion guard", "folder", e.config.FolderID, "deleted", d.Files, "of", d.Of)
	e.config.OnChange()
	return true
}

func (e *Engine) gone(name string) bool {
	_, err := os.Lstat(filepath.Join(e.config.Root, name))
	return errors.Is(err, os.ErrNotExist)
}

// release lets sync go on, on a new stream: the model would rest long after its failures.
func (e *Engine) release() {
	e.deciding.Lock()
	held := e.held != nil
	e.held = nil
	e.deciding.Unlock()
	if held {
		e.folder.Hold(false) // and what was decided does not count for the next
		e.detach()
	}
}

func isFile(f protocol.FileInfo) bool {
	return !f.Deleted && !f.IsInvalid() && f.Type == protocol.FileInfoTypeFile
}

// Accept lets the batch of deletions that waits here travel, and nothing more. It returns how many files that are.
func (e *Engine) Accept(context.Context) (int, error) {
	held := e.Held()
	if held == nil {
		return 0, nil
	}
	e.accepting.Store(true)
	defer e.accepting.Store(false)
	e.release()
	return held.Files, e.scanModel()
}

// describe says what waits.
func (d *Deletion) describe() string {
	names := strings.Join(d.Paths[:min(3, len(d.Paths))], ", ")
	return fmt.Sprintf("%d of %d files were deleted at once (%s ...); nothing was deleted on the other side", d.Files,
		d.Of, names)
}
