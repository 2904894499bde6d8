// Package folders keeps the folders of a dev session in sync: for each the engine on this computer, and calls to the
// one in the pod. It knows nothing of dev mode's cluster objects, nor of commands.
package folders

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/localsync"
	"github.com/nhctl/nhctl/nhctl/internal/sidecarclient"
	"github.com/nhctl/nhctl/sidecar/endpoint/control"
	"github.com/nhctl/nhctl/sidecar/filesync"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// Pod is the far end of a session's folders.
type Pod interface {
	// Call calls the sidecar; Ask has read read its answer.
	Call(ctx context.Context, method, path string, in, out any) error
	Ask(ctx context.Context, method, path string, in any, read func(answer io.Reader) error) error
	// OpenBulk opens a stream once the bulk carrier is up; BulkPod names the pod that it is up to.
	OpenBulk(ctx context.Context, kind wire.Kind, params any) (net.Conn, error)
	BulkPod() string
}

// Teller is who hears of a folder.
type Teller interface {
	Emit(event.Event)
	Note(string)
	// Stir tells that sync may look different. It does not wait.
	Stir()
	// Guard runs a part of the session, and keeps its panic from other sessions.
	Guard(part string, run func())
}

// Session is the session that has a folder.
type Session interface {
	ID() string
	Pod
	Teller
}

// Config says which folder is synced, and how.
type Config struct {
	// ID names the folder in streams and in local paths; Root is the folder.
	ID, Root string
	// Container has it in the pod, of Image.
	Container, Image string
	// State is the directory of the index, Kept that of the versions which sync would have lost.
	State, Kept string
	Settings    filesync.Settings
	// Paused says that sync rests from the beginning.
	Paused  bool
	Session Session
	Logger  *slog.Logger
}

// Folder is a synced folder of a session: the engine here, and calls to the one in the pod.
type Folder struct {
	Config
	engine *filesync.Engine
	// settings change when git's rules from outside the folder do.
	choosing sync.Mutex
	settings filesync.Settings
	// joining is held while no stream may begin.
	joining sync.Mutex
	// offered is the pod that was offered to be filled; delivered says that it was, and has all that was here then.
	offered   string
	delivered atomic.Bool
	// stirred has something in it after anything happened to the engine.
	stirred chan struct{}
	// placed is closed when a pod that had nothing has all files; begun, when the two sides were joined for the first
	// time.
	placed, begun chan struct{}
	place, begin  sync.Once
	// differed is how many files had different contents then.
	differed int
}

// Open opens the index of a folder, unless that is one that no pod should see: whatever named it, and when.
func Open(c Config) (*Folder, error) {
	if _, err := localsync.CheckRoot(c.Root, ""); err != nil {
		return nil, err
	}
	f := &Folder{
		Config:   c,
		settings: c.Settings,
		stirred:  make(chan struct{}, 1),
		placed:   make(chan struct{}),
		begun:    make(chan struct{}),
	}
	engine := filesync.Config{
		FolderID: c.ID,
		Root:     c.Root,
		StateDir: c.State,
		KeptDir:  c.Kept,
		Side:     filesync.Local,
		Settings: c.Settings,
		Paused:   c.Paused,
		Logger:   c.Logger,
		OnChange: f.stir,
	}
	if repository := localsync.Find(c.Root, ownEnvironment()); repository != nil {
		engine.Repository = repository
	}
	opened, err := filesync.New(engine)
	if err != nil {
		return nil, fmt.Errorf("open the folder %s for sync: %w", c.Root, err)
	}
	f.engine = opened
	return f, nil
}

// Serve runs the engine and keeps it joined to the one in the pod, until ctx ends.
func (f *Folder) Serve(ctx context.Context) {
	var engine sync.WaitGroup
	defer engine.Wait()
	part := func(name string, run func()) { engine.Go(func() { f.Session.Guard(name+" of "+f.Root, run) }) }
	part("the sync engine", func() {
		if err := f.engine.Serve(ctx); err != nil && ctx.Err() == nil {
			f.Logger.Error("sync engine", "error", err)
		}
	})
	part("the watch for conflicts", func() { f.watchConflicts(ctx) })
	part("the watch for git's rules", func() { f.followGit(ctx) })
	for last := ""; ctx.Err() == nil; {
		err := f.attach(ctx)
		if err != nil && ctx.Err() == nil {
			if text := err.Error(); text != last { // a cluster may be away for a night
				f.Logger.Warn("sync stream", "error", err)
				last = text
			}
			_ = delay.For(ctx, 500*time.Millisecond)
		}
	}
}

// attach opens one stream, and returns when it ends.
func (f *Folder) attach(ctx context.Context) error {
	var there string // its index
	stream, err := func() (_ net.Conn, err error) {
		f.joining.Lock()
		defer f.joining.Unlock()
		settings, err := json.Marshal(f.Current())
		if err != nil {
			return nil, err
		}
		if err := f.fill(ctx, settings); err != nil {
			return nil, err
		}
		if there, err = f.join(ctx); err != nil {
			return nil, err
		}
		f.begin.Do(func() { close(f.begun) })
		return f.Session.OpenBulk(ctx, wire.KindSync, wire.SyncParams{
			Folder:   f.ID,
			Settings: settings,
			Instance: f.engine.Instance(),
		})
	}()
	if err != nil {
		return err
	}
	return f.engine.Attach(ctx, stream, there)
}

// do has the folder in the pod do something, and returns how many files that was about.
func (f *Folder) do(ctx context.Context, do control.Do) (int, error) {
	var done control.Done
	err := f.Session.Call(ctx, http.MethodPost, control.PathDo(f.ID), do, &done)
	return done.Files, err
}

// Scan and Status make the folder in the pod a filesync.Peer.
func (f *Folder) Scan(ctx context.Context) error {
	return f.Session.Call(ctx, http.MethodPost, control.PathScan(f.ID), nil, nil)
}

// Status asks the pod.
func (f *Folder) Status(ctx context.Context) (filesync.Status, error) {
	var s filesync.Status
	return s, f.Session.Call(ctx, http.MethodGet, control.PathSync(f.ID), nil, &s)
}

// afterFiles is how much longer than the files the indexes may take to be waited for: they don't keep anybody from
// working.
const afterFiles = time.Second

// Deliver returns when everything that was here when the session began is in the pod.
func (f *Folder) Deliver(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	settled := make(chan error, 1)
	go func() { settled <- f.settled(ctx) }()
	select {
	case err := <-settled:
		return err
	case <-f.placed:
	}
	select {
	case err := <-settled:
		return err
	case <-time.After(afterFiles):
		return nil
	}
}

// settled returns when the two sides are joined, and the pod has everything that was here.
func (f *Folder) settled(ctx context.Context) error {
	select {
	case <-f.begun:
	case <-ctx.Done():
		return ctx.Err()
	}
	if f.delivered.Load() {
		return untilOpen(ctx, func() error { return f.engine.Delivered(ctx, f) })
	}
	return f.Converge(ctx)
}

// Converge waits until both ends have all of the other.
func (f *Folder) Converge(ctx context.Context) error {
	return untilOpen(ctx, func() error {
		if _, err := f.Status(ctx); err != nil {
			return err // before this computer looks at everything for nothing
		}
		return f.engine.Wait(ctx, f)
	})
}

// untilOpen waits again while the pod has no engine: it exists once the two sides were joined.
func untilOpen(ctx context.Context, wait func() error) error {
	for {
		err := wait()
		if !errors.Is(err, sidecarclient.ErrNotYet) {
			return ExplainStop(err)
		}
		if err := delay.For(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}
