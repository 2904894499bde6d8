package filesync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/db"
	"github.com/syncthing/syncthing/lib/events"
	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/model"
	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/nhctl/nhctl/sidecar/filesync/eventlog"
	"github.com/nhctl/nhctl/sidecar/filesync/fill"
	"github.com/nhctl/nhctl/sidecar/filesync/folderfs"
	"github.com/nhctl/nhctl/sidecar/filesync/ignore"
	"github.com/nhctl/nhctl/sidecar/filesync/indexstore"
	"github.com/nhctl/nhctl/sidecar/filesync/watch"
	"github.com/nhctl/nhctl/sidecar/footprint"
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
	// Paused says that sync rests from the beginning, until Pause lets it go on.
	Paused bool
	Logger *slog.Logger
	// Repository is the version control that the folder is under, if any: deletions that it explains pass the guard.
	Repository Repository
	// OnChange is called, on an engine's goroutine, after something happened that Status may show; it must not block.
	OnChange func()
	// OnBatch is called likewise, after a batch of changes from the peer is in the folder, with the time of the last
	// one.
	OnBatch func(time.Time)

	foldsCase   func(root string) bool // foldsCase; tests may know better
	unprotected bool                   // as a program in the pod that is not ours; for tests
	together    time.Duration          // within which deletions count as one, where a test needs more than the default
	stuck       time.Duration          // stuck, where a test needs less
}

func (c Config) folderOptions() folderfs.Options {
	return folderfs.Options{
		Root:         c.Root,
		StateDir:     c.StateDir,
		KeptDir:      c.KeptDir,
		InPod:        c.Side == Remote,
		Mounts:       c.Settings.Mounts,
		Names:        c.Settings.names(),
		LinksOutside: c.Settings.LinksOutside,
		Unprotected:  c.unprotected,
		Together:     c.together,
	}
}

// Engine syncs one folder with one peer.
type Engine struct {
	config Config
	model  model.Model
	db     *db.Lowlevel
	room   *indexstore.Room
	wrap   config.Wrapper
	events events.Logger
	keys   *protocol.KeyGenerator
	ids    *db.FileSet // the same index as the model's, for what the model does not tell

	// names of files whose content is this side's, though the other side changed their attributes
	owned *db.NamespacedKV

	instance string
	me       protocol.DeviceID
	peerID   atomic.Pointer[protocol.DeviceID]

	running chan struct{} // closed when the engine takes scans and streams
	ended   chan struct{}

	pushes      chan struct{} // has something in it when the peer is to be told
	attach      sync.Mutex    // one peer stream at a time
	current     *attached
	connections int

	scanning  sync.Mutex // guards tree, files and watcher, and orders scans
	tree      *ignore.Tree
	files     int      // that the tree had, of those that are synced
	leftovers []string // temporary files that it had
	// ruleChanges counts changes of .gitignore files.
	ruleChanges atomic.Int64
	watcher     *watch.Watcher

	folder    *folderfs.Folder
	progress  *progress
	tracked   *tracked
	lacking   sync.Mutex // guards lastFull
	lastFull  *Full
	deciding  sync.Mutex
	held      *Deletion
	accepting atomic.Bool // the next scan may delete what it likes
	restoring atomic.Bool // what was deleted is coming back
	// searching is held while the model looks for changes, and while what was deleted comes back: a search that began
	// before would take the last of it for deleted.
	searching  sync.Mutex
	overriding sync.Mutex
	// restarting keeps scans and another start of the folder apart: a scan would wait for ever for a folder that ends
	// before it began.
	restarting sync.RWMutex
	filling    atomic.Pointer[fill.Sender] // while a peer that has nothing is filled
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
	instance, err := identify(c.StateDir)
	if err != nil {
		return nil, fmt.Errorf("open the sync state: %w", err)
	}
	if c.OnChange == nil {
		c.OnChange = func() {}
	}
	if c.OnBatch == nil {
		c.OnBatch = func(time.Time) {}
	}
	if c.foldsCase == nil {
		c.foldsCase = foldsCase
	}
	c.stuck = cmp.Or(c.stuck, stuck)
	if c.KeptDir == "" {
		c.KeptDir = filepath.Join(c.StateDir, "kept")
	}
	kind := fs.FilesystemType("nhctl-" + c.FolderID + "-" + string(c.Side))
	if err := fill.Clear(c.Root); err != nil {
		return nil, fmt.Errorf("clear what a broken fill left: %w", err)
	}
	folder, err := folderfs.Open(kind, c.folderOptions())
	if err != nil {
		return nil, fmt.Errorf("open the folder: %w", err)
	}
	room, err := indexstore.NewRoom(c.StateDir, c.OnChange)
	if err != nil {
		return nil, fmt.Errorf("reserve room for the index: %w", err)
	}
	store, err := indexstore.Open(filepath.Join(c.StateDir, indexDir))
	if err != nil {
		return nil, fmt.Errorf("open the index: %w", err)
	}
	logger := eventlog.New()
	low, err := db.NewLowlevel(room.Guard(store), logger)
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
		config:   c,
		db:       low,
		room:     room,
		events:   logger,
		keys:     protocol.NewKeyGenerator(),
		ids:      ids,
		owned:    db.NewNamespacedKV(low, "nhctl/owned/"),
		folder:   folder,
		progress: newProgress(),
		tracked:  newTracked(c),
		running:  make(chan struct{}),
		ended:    make(chan struct{}),
		pushes:   make(chan struct{}, 1),
		tree:     c.Settings.tree(c.Root),
		watcher:  watcher,
	}
	if err := e.identifyIndex(instance); err != nil {
		low.Close()
		watcher.Close()
		return nil, err
	}
	if err := e.noteKnown(); err != nil {
		low.Close()
		watcher.Close()
		return nil, err
	}
	e.wrap = config.Wrap(filepath.Join(c.StateDir, "config.xml"), e.configuration(config.FilesystemType(kind)), e.me,
		logger)
	e.rebuild()
	e.model = model.NewModel(e.wrap, e.me, low, nil, logger, e.keys)
	folder.Use(index{e}, deletions{e})
	return e, nil
}

// safety is how often everything is looked at again, in case the watcher missed something: less often where a look
// takes long. Where it does not watch everything, that is polling at the latest, sooner where a look is quick, and
// later where looking would be all that it does.
const (
	safety       = time.Minute
	safetyRarest = 20 * time.Minute
	safetyShare  = 200 // a look may take one of so many parts of the time
	polling      = 2 * time.Second
	pollingQuick = 200 * time.Millisecond
	pollingShare = 10
	pollingBreak = 3 // as many times as long as a look
)

// Serve runs the engine until ctx ends.
func (e *Engine) Serve(ctx context.Context) error {
	defer close(e.ended)
	defer e.db.Close()
	defer e.watcher.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer context.AfterFunc(ctx, e.room.End)()
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
	happens := e.events.Subscribe(reported)
	modelCtx, stopModel := context.WithCancel(base)
	modelDone := make(chan struct{})
	go func() { defer close(modelDone); _ = e.model.Serve(modelCtx) }()
	defer func() { stopModel(); <-modelDone; e.folder.Settle(time.Now()) }()

	if err := e.started(ctx); err != nil {
		return err
	}
	close(e.running)
	services.Go(func() { e.report(ctx, happens) })
	services.Go(func() { e.announce(ctx) })
	// An index in the making takes far more memory than one at rest.
	services.Go(func() {
		afterBursts(ctx, e.events.Subscribe(events.LocalIndexUpdated|events.RemoteIndexUpdated), e.trim)
	})
	services.Go(func() { _ = e.watcher.Serve(ctx, func(b watch.Batch) { e.changed(ctx, b) }) })
	e.rescan(ctx)
	cancel()
	e.detach() // whoever waits for the peer
	services.Wait()
	e.detach()
	return nil
}

func (e *Engine) trim() {
	if err := footprint.Trim(); err != nil {
		e.config.Logger.Warn("free memory", "error", err)
	}
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

// started waits until the model runs the folder, or knows that it rests.
func (e *Engine) started(ctx context.Context) error {
	for {
		_, err := e.model.FolderErrors(e.config.FolderID)
		if err == nil || errors.Is(err, model.ErrFolderPaused) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-e.ended:
			return ErrEnded
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// reported are the events that report handles.
const reported = events.StateChanged | events.LocalIndexUpdated | events.LocalChangeDetected |
	events.RemoteIndexUpdated | events.FolderErrors | events.DeviceConnected | events.DeviceDisconnected |
	events.ItemStarted | events.ItemFinished

// report calls OnChange when the model's state changes, and OnBatch when it has pulled.
func (e *Engine) report(ctx context.Context, sub events.Subscription) {
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
			e.progress.hear(event)
			switch event.Type {
			case events.LocalChangeDetected: // a LocalIndexUpdated has come before
				e.saved(event)
				continue
			case events.RemoteIndexUpdated:
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

// Apply changes what is synced and how.
func (e *Engine) Apply(ctx context.Context, s Settings) error {
	if err := s.Type.check(); err != nil {
		return err
	}
	e.scanning.Lock()
	same := equal(e.config.Settings, s)
	kind := e.config.Settings.Type != s.Type
	e.config.Settings = s
	e.folder.Protect(s.names(), s.LinksOutside)
	if !same {
		e.tree = s.tree(e.config.Root)
		e.folder.SetMounts(s.Mounts)
		e.rebuild()
	}
	e.scanning.Unlock()
	if same {
		return nil
	}
	if kind {
		waiter, err := e.wrap.Modify(func(c *config.Configuration) {
			c.Folders[0].Type = folderType(e.config.Side, s.Type)
		})
		if err != nil {
			return err
		}
		waiter.Wait()
	}
	return e.Scan(ctx)
}
