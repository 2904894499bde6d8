package filesync

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/model"

	"github.com/nhctl/nhctl/sidecar/filesync/folderfs"
	"github.com/nhctl/nhctl/sidecar/filesync/ignore"
	"github.com/nhctl/nhctl/sidecar/filesync/watch"
)

// rescan looks at everything from time to time, until ctx ends.
func (e *Engine) rescan(ctx context.Context) {
	first := make(chan time.Duration, 1)
	go func() {
		begun := time.Now()
		_ = e.firstRead()
		first <- time.Since(begun)
	}()
	var took time.Duration
	for {
		interval := min(safetyRarest, max(safety, safetyShare*took))
		if e.watcher.Limit() != nil {
			interval = max(min(safety, pollingBreak*took), min(polling, max(pollingQuick, pollingShare*took)))
		}
		select {
		case <-ctx.Done():
			return
		case took = <-first:
		case <-time.After(interval):
			begun := time.Now()
			err := e.Scan(ctx)
			took = time.Since(begun)
			if err != nil && ctx.Err() == nil {
				e.config.Logger.Warn("rescan", "folder", e.config.FolderID, "error", err)
			}
		}
	}
}

// changed handles what the watcher saw.
func (e *Engine) changed(ctx context.Context, b watch.Batch) {
	paths, whole := e.sort(b)
	if whole || e.Held() != nil || e.awaitBatch(ctx, paths) {
		if err := e.Scan(ctx); err != nil {
			e.config.Logger.Debug("scan", "folder", e.config.FolderID, "error", err)
		}
		return
	}
	if len(paths) == 0 {
		return
	}
	e.searching.Lock()
	defer e.searching.Unlock()
	if e.Held() != nil {
		return // what comes with the decision looks at everything
	}
	if err := e.scanSaved(paths, b.Since); err != nil {
		e.config.Logger.Debug("scan", "folder", e.config.FolderID, "error", err)
	}
	e.push()
}

// sort picks the paths to scan from a batch, after updating the ignore rules; whole says to scan everything.
func (e *Engine) sort(b watch.Batch) (paths []string, whole bool) {
	e.scanning.Lock()
	defer e.scanning.Unlock()
	whole = b.Overflow
	for _, p := range b.Paths {
		whole = whole || (e.config.Settings.GitIgnore && filepath.Base(p) == ignore.GitIgnoreFile)
	}
	if whole {
		e.ruleChanges.Add(1)
		return nil, true
	}
	grew, seen := false, map[string]bool{}
	for _, p := range b.Paths {
		if fs.IsTemporary(p) {
			continue // what has such a name for long is found by the next look at everything
		}
		ignored, more := e.tree.Touch(p, e.watcher.Add)
		grew = grew || more
		if ignored {
			continue
		}
		if name := e.topmost(filepath.FromSlash(p)); !seen[name] {
			seen[name] = true
			paths = append(paths, name)
		}
	}
	if grew {
		e.writeRules()
	}
	return paths, false
}

// topmost is a path, or the highest of the folders around it that are gone: the file is then not the only one that is.
func (e *Engine) topmost(name string) string {
	for dir := filepath.Dir(name); dir != "." && e.gone(dir); dir = filepath.Dir(dir) {
		name = dir
	}
	return name
}

// RuleChanges grows when a file with git's rules has changed, and when changes were missed.
func (e *Engine) RuleChanges() int64 { return e.ruleChanges.Load() }

// rebuild reads the ignore rules of the whole tree and watches its folders.
func (e *Engine) rebuild() {
	e.files, e.leftovers = 0, nil
	matcher := e.config.Settings.matcher()
	e.tree.Rebuild(e.watcher.Add, func(rel string) {
		switch {
		case fs.IsTemporary(rel) && strings.HasSuffix(rel, ".tmp"):
			e.leftovers = append(e.leftovers, rel)
		case fs.IsTemporary(rel):
			e.folder.Reserve(rel)
		case matcher == nil || !matcher.Match(rel).IsIgnored():
			e.files++
		}
	})
	e.writeRules()
}

// writeRules writes the file that the model reads its ignore patterns from, when they changed.
func (e *Engine) writeRules() {
	file := filepath.Join(e.config.StateDir, folderfs.IgnoreFile)
	text := e.config.Settings.rules(e.tree.Ignored())
	if old, err := os.ReadFile(file); err == nil && string(old) == text {
		return
	}
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		e.config.Logger.Error("write ignore rules", "error", err)
		return
	}
	if err := os.Rename(file+".new", file); err != nil {
		e.config.Logger.Error("write ignore rules", "error", err)
	}
}

// Scan looks at everything, and returns when the index knows it.
func (e *Engine) Scan(ctx context.Context) error {
	if err := e.Ready(ctx); err != nil {
		return err
	}
	known, files := e.known(), e.walk()
	switch {
	case e.Held() != nil && (files < known && e.stillMissing(ctx) || e.restoring.Load()):
		return ErrHeld
	case e.Held() != nil:
		e.release() // whatever was missing is back
	case e.excessive(known, known-files):
		e.calm(ctx)
	}
	if err := e.scanModel(); err != nil {
		return err
	}
	e.scanning.Lock()
	leftovers := e.leftovers
	e.scanning.Unlock()
	e.sweep(leftovers, time.Now().Add(-leftoverAge))
	return nil
}

// scanFolder has the model look at paths, or at everything.
func (e *Engine) scanFolder(paths ...string) error {
	e.restarting.RLock()
	defer e.restarting.RUnlock()
	return e.model.ScanFolderSubdirs(e.config.FolderID, paths)
}

func (e *Engine) scanModel() error {
	e.searching.Lock()
	defer e.searching.Unlock()
	err := e.scanFolder()
	for errors.Is(err, context.Canceled) && e.alive() { // the folder has just restarted, as for another peer
		err = e.scanFolder()
	}
	if errors.Is(err, model.ErrFolderPaused) {
		return ErrPaused
	}
	if err != nil && e.Held() != nil {
		return ErrHeld
	}
	return err
}
