package filesync

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/db"
	"github.com/syncthing/syncthing/lib/db/backend"
	"github.com/syncthing/syncthing/lib/events"
	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/model"
	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/nhctl/nhctl/sidecar/filesync/ignore"
	"github.com/nhctl/nhctl/sidecar/filesync/watch"
)

// Config is what an engine needs to know.
type Config struct {
	// FolderID is the same on both ends.
	FolderID string
	// Root is the folder; StateDir holds the index, and belongs to the engine alone.
	Root, StateDir string
	// KeptDir is where lost bytes are kept; empty means a folder of the state.
	KeptDir  string
	Side     Side
	Settings Settings
	Logger   *slog.Logger
	// OnChange is called, on an engine's goroutine, after something happened that Status may show; it must not block.
	OnChange func()
	// OnBatch is called likewise, after a batch of changes from the peer is in the folder, with the time of the last one.
	OnBatch func(time.Time)
}

// Engine syncs one folder with one peer.
type Engine struct {
	config Config
	model  model.Model
	db     *db.Lowlevel
	wrap   config.Wrapper
	events events.Logger
	keys   *protocol.KeyGenerator
	ids    *db.FileSet // the same index as the model's, for what the model does not tell

	owned *db.NamespacedKV // names of files whose content is this side's, though the other side changed their attributes

	instance string
	me       protocol.DeviceID
	peerID   atomic.Pointer[protocol.DeviceID]

	running chan struct{} // closed when the engine takes scans and streams
	ended   chan struct{}

	attach      sync.Mutex // one peer stream at a time
	current     *attached
	connections int

	scanning  sync.Mutex // guards tree, files and watcher, and orders scans
	tree      *ignore.Tree
	files     int      // that the tree had, of those that are synced
	leftovers []string // temporary files that it had
	watcher   *watch.Watcher

	place     *place
	deciding  sync.Mutex
	held      *Deletion
	accepting atomic.Bool // the next scan may delete what it likes
	restoring atomic.Bool // what was deleted is coming back
	// searching is held while the model looks for changes, and while what was deleted comes back: a search that began before would take
	// the last of it for deleted.
	searching  sync.Mutex
	overriding sync.Mutex
	// restarting keeps scans and another start of the folder apart: a scan would wait for ever for a folder that ends before it began.
	restarting sync.RWMutex
	pouring    atomic.Pointer[pouring] // while a peer that has nothing is filled
}

// ErrEnded says that the engine has ended.
var ErrEnded = errors.New("the sync engine has ended")

var errReplaced = errors.New("replaced by a newer stream")

// New opens a folder's index. The engine does nothing until Serve.
func New(c Config) (*Engine, error) {
	if err := c.Settings.Type.check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.StateDir, 0o700); err != nil {
		return nil, fmt.Errorf("make the index's folder: %w", err)
	}
	if c.OnChange == nil {
		c.OnChange = func() {}
	}
	if c.OnBatch == nil {
		c.OnBatch = func(time.Time) {}
	}
	if c.KeptDir == "" {
		c.KeptDir = filepath.Join(c.StateDir, "kept")
	}
	kind := fs.FilesystemType("nhctl-" + c.FolderID + "-" + string(c.Side))
	if err := os.RemoveAll(filepath.Join(c.Root, stagingDir)); err != nil {
		return nil, fmt.Errorf("clear what a broken fill left: %w", err)
	}
	place, err := openPlace(kind, c)
	if err != nil {
		return nil, fmt.Errorf("open the folder: %w", err)
	}
	store, err := backend.OpenLevelDB(filepath.Join(c.StateDir, indexDir), backend.TuningSmall)
	if err != nil {
		return nil, fmt.Errorf("open the index: %w", err)
	}
	logger := events.NewLogger()
	low, err := db.NewLowlevel(store, logger)
	if err != nil {
		store.Close()
		return nil, fmt.Errorf("open the index: %w", err)
	}
	ids, err := db.NewFileSet(c.FolderID, low)
	if err != nil {
		low.Close()
		return nil, fmt.Errorf("read the index: %w", err)
	}
	watcher, err := watch.New(c.Root)
	if err != nil {
		low.Close()
		return nil, err
	}
	e := &Engine{
		config: c, db: low, events: logger, keys: protocol.NewKeyGenerator(), ids: ids, owned: db.NewNamespacedKV(low, "nhctl/owned/"), place: place,
		running: make(chan struct{}), ended: make(chan struct{}),
		tree: ignore.New(c.Root, c.Settings.GitIgnore, c.Settings.GlobalIgnores), watcher: watcher,
	}
	if err := e.identifyIndex(); err != nil {
		low.Close()
		watcher.Close()
		return nil, err
	}
	e.wrap = config.Wrap(filepath.Join(c.StateDir, "config.xml"), e.configuration(config.FilesystemType(kind)), e.me, logger)
	e.rebuild()
	e.model = model.NewModel(e.wrap, e.me, low, nil, logger, e.keys)
	place.index = e
	return e, nil
}

// ours says whether this side made the present content of a file.
func (e *Engine) ours(name string) bool {
	f, ok, err := e.model.CurrentFolderFile(e.config.FolderID, name)
	if err != nil || !ok || f.ModifiedBy == e.me.Short() {
		return true
	}
	own, _, err := e.owned.Bool(name)
	return err != nil || own
}

// own notes that the content of a file is this side's, though the other side changed its attributes.
func (e *Engine) own(name string, ours bool) {
	err := error(nil)
	if ours {
		err = e.owned.PutBool(name, true)
	} else if was, known, _ := e.owned.Bool(name); was || known {
		err = e.owned.Delete(name)
	}
	if err != nil {
		e.config.Logger.Warn("note whose content it is", "file", name, "error", err)
	}
}

// unchanged says whether a file is as the index has it. What the index does not have is nothing to compare with.
func (e *Engine) unchanged(name string, info os.FileInfo) bool {
	f, ok, err := e.model.CurrentFolderFile(e.config.FolderID, name)
	if err != nil || !ok || !isFile(f) {
		return true
	}
	at := info.ModTime()
	// Where the file system can't keep a time to the nanosecond, the model remembers which it means.
	if m, err := e.model.GetMtimeMapping(e.config.FolderID, name); err == nil && m.Real.Equal(at) {
		at = m.Virtual
	}
	return info.Size() == f.Size && at.Equal(f.ModTime())
}

// safety is how often everything is looked at anew, in case the watcher missed something. Where it does not watch everything, that is
// polling at the latest, and sooner where a look is quick.
const (
	safety       = time.Minute
	polling      = 2 * time.Second
	pollingQuick = 200 * time.Millisecond
	pollingShare = 10 // a look may take one of so many parts of the time
)

// Serve runs the engine until ctx ends.
func (e *Engine) Serve(ctx context.Context) error {
	defer close(e.ended)
	defer e.db.Close()
	defer e.watcher.Close()
	ctx, cancel := context.WithCancel(ctx)
	var services sync.WaitGroup
	defer services.Wait()
	defer cancel()
	// The model stops before the configuration and the events that it uses.
	base, stopBase := context.WithCancel(context.WithoutCancel(ctx))
	var below sync.WaitGroup
	defer below.Wait()
	defer stopBase()
	below.Go(func() { _ = e.wrap.Serve(base) })
	below.Go(func() { _ = e.events.Serve(base) })
	// The first modification prepares the configuration's defaults.
	if _, err := e.wrap.Modify(func(*config.Configuration) {}); err != nil {
		return fmt.Errorf("prepare the configuration: %w", err)
	}
	modelCtx, stopModel := context.WithCancel(base)
	modelDone := make(chan struct{})
	go func() { defer close(modelDone); _ = e.model.Serve(modelCtx) }()
	defer func() { stopModel(); <-modelDone; e.place.settle(time.Now()) }()

	if err := e.started(ctx); err != nil {
		return err
	}
	close(e.running)
	services.Go(func() { e.report(ctx) })
	services.Go(func() { _ = e.watcher.Serve(ctx, func(b watch.Batch) { e.changed(ctx, b) }) })
	e.rescan(ctx)
	cancel()
	services.Wait()
	e.detach()
	return nil
}

// alive says whether the engine goes on, after a moment.
func (e *Engine) alive() bool {
	select {
	case <-e.ended:
		return false
	case <-time.After(2 * time.Millisecond):
		return true
	}
}

// started waits until the model runs the folder.
func (e *Engine) started(ctx context.Context) error {
	for {
		if _, err := e.model.FolderErrors(e.config.FolderID); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// rescan looks at everything from time to time, until ctx ends.
func (e *Engine) rescan(ctx context.Context) {
	took := time.Duration(0)
	for {
		interval := safety
		if e.watcher.Limit() != nil {
			interval = min(polling, max(pollingQuick, pollingShare*took))
		}
		select {
		case <-ctx.Done():
			return
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

// report calls OnChange when the model's state changes, and OnBatch when it has pulled.
func (e *Engine) report(ctx context.Context) {
	sub := e.events.Subscribe(events.StateChanged | events.LocalIndexUpdated | events.RemoteIndexUpdated | events.FolderErrors |
		events.DeviceConnected | events.DeviceDisconnected | events.ItemStarted | events.ItemFinished)
	defer sub.Unsubscribe()
	var batch batch
	for {
		select {
		case <-ctx.Done():
			return
		case event, ok := <-sub.C():
			if !ok {
				return
			}
			e.place.progress.hear(event)
			if event.Type == events.RemoteIndexUpdated {
				e.confirmed()
			}
			e.config.OnChange()
			if at := batch.add(event); !at.IsZero() {
				e.config.OnBatch(at)
			}
		}
	}
}

// Ready returns when the engine takes scans and streams.
func (e *Engine) Ready(ctx context.Context) error {
	select {
	case <-e.running:
		return nil
	case <-e.ended:
		return ErrEnded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Attach connects the engine to its peer, whose index is the instance, by a stream, and returns when the stream ends. A stream that
// is attached already is closed: the newer one is the living one.
func (e *Engine) Attach(ctx context.Context, stream io.ReadWriteCloser, instance string) error {
	if err := e.Ready(ctx); err != nil {
		return err
	}
	conn, err := e.replace(stream, instance)
	if err != nil {
		return err
	}
	select {
	case <-conn.gone:
		return nil
	case <-e.ended:
		return ErrEnded
	case <-ctx.Done():
		conn.close(ctx.Err())
		return ctx.Err()
	}
}

func (e *Engine) replace(stream io.ReadWriteCloser, instance string) (*attached, error) {
	e.attach.Lock()
	defer e.attach.Unlock()
	if e.current != nil {
		e.current.close(errReplaced)
		e.current = nil
	}
	if err := e.meet(instance); err != nil {
		return nil, err
	}
	e.current = e.connect(stream)
	return e.current, nil
}

// detach closes the present stream, if any.
func (e *Engine) detach() {
	e.attach.Lock()
	defer e.attach.Unlock()
	if e.current != nil {
		e.current.close(errReplaced)
		e.current = nil
	}
}

// Apply changes what is synced and how.
func (e *Engine) Apply(ctx context.Context, s Settings) error {
	if err := s.Type.check(); err != nil {
		return err
	}
	e.scanning.Lock()
	same := equal(e.config.Settings, s)
	kind := e.config.Settings.Type != s.Type
	e.config.Settings = s
	if !same {
		e.tree = ignore.New(e.config.Root, s.GitIgnore, s.GlobalIgnores)
		e.rebuild()
	}
	e.scanning.Unlock()
	if same {
		return nil
	}
	if kind {
		waiter, err := e.wrap.Modify(func(c *config.Configuration) { c.Folders[0].Type = folderType(e.config.Side, s.Type) })
		if err != nil {
			return err
		}
		waiter.Wait()
	}
	return e.Scan(ctx)
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
		return nil, true
	}
	grew := false
	for _, p := range b.Paths {
		if fs.IsTemporary(p) {
			continue // what has such a name for long is found by the next look at everything
		}
		ignored, more := e.tree.Touch(p, e.watcher.Add)
		grew = grew || more
		if !ignored {
			paths = append(paths, filepath.FromSlash(p))
		}
	}
	if grew {
		e.writeRules()
	}
	return paths, false
}

// rebuild reads the ignore rules of the whole tree and watches its folders.
func (e *Engine) rebuild() {
	e.files, e.leftovers = 0, nil
	matcher := e.config.Settings.matcher()
	e.tree.Rebuild(e.watcher.Add, func(rel string) {
		switch {
		case fs.IsTemporary(rel) && strings.HasSuffix(rel, ".tmp"):
			e.leftovers = append(e.leftovers, rel)
		case fs.IsTemporary(rel):
			e.place.uncarried.reserved(rel)
		case matcher == nil || !matcher.Match(rel).IsIgnored():
			e.files++
		}
	})
	e.writeRules()
}

// writeRules writes the file that the model reads its ignore patterns from, when they changed.
func (e *Engine) writeRules() {
	file := filepath.Join(e.config.StateDir, ignoreFile)
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
	case e.Held() != nil && (files < known || e.restoring.Load()):
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
	for errors.Is(err, context.Canceled) && e.alive() { // the folder was just taken up anew, as for another peer
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
