package daemon

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/localsync"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/endpoint/control"
	"github.com/nhctl/nhctl/sidecar/filesync"
	"github.com/nhctl/nhctl/sidecar/filesync/kept"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// folder is a synced folder of a session: the engine here, and calls to the one in the pod.
type folder struct {
	session         *session
	id, root, state string
	container       string // that has it
	engine          *filesync.Engine
	logger          *slog.Logger
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
	// placed is closed when a pod that had nothing has all files; begun, when the two sides were joined for the first time.
	placed, begun chan struct{}
	place, begin  sync.Once
	// differed is how many files had different contents then.
	differed int
	// stop ends what serveFolder began, and waits for it.
	stop func()
}

// synced are the folders of the session.
func (s *session) synced() []*folder {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.folders)
}

// serveFolder serves a folder until it is stopped or the session ends.
func (s *session) serveFolder(f *folder) {
	s.mu.Lock()
	paused := slices.Contains(s.saved.Paused, f.id)
	s.mu.Unlock()
	ctx, cancel := context.WithCancel(s.context)
	ended := make(chan struct{})
	f.stop = func() { cancel(); <-ended }
	s.running.Go(func() {
		defer close(ended)
		defer cancel()
		f.serve(ctx, paused)
	})
}

// openFolders opens the indexes of all folders of the session. One that only the cluster knew has no settings here for more than the
// sources: theirs hold for all.
func (s *session) openFolders(logger *slog.Logger) error {
	s.folders = nil
	folders := s.saved.Record.Folders()
	if len(s.saved.Roots) != len(folders) {
		return fmt.Errorf("open the session's folders: this computer knows %d of %d", len(s.saved.Roots), len(folders))
	}
	for i, synced := range folders {
		synced.Local = s.saved.Roots[i]
		settings, state := s.saved.Settings, "sync"
		if i > 0 {
			state = "sync-" + synced.ID
			if i <= len(s.saved.More) {
				settings = s.saved.More[i-1]
			}
		}
		f, err := s.openFolder(synced, settings, filepath.Join(cmp.Or(s.indexes, s.paths.session(s.saved.Record.Session)), state), logger)
		if err != nil {
			return err
		}
		s.folders = append(s.folders, f)
	}
	return nil
}

// openFolder opens the session's index of a folder, unless that is one that no pod should see: whatever named it, and when.
func (s *session) openFolder(of record.Folder, settings filesync.Settings, state string, logger *slog.Logger) (*folder, error) {
	settings.Mounts = s.saved.Mounts[of.ID]
	f := &folder{session: s, id: of.ID, root: of.Local, container: of.Container, state: state, settings: settings, logger: logger,
		placed: make(chan struct{}), begun: make(chan struct{}), stirred: make(chan struct{}, 1)}
	if _, err := localsync.CheckRoot(f.root, ""); err != nil {
		return nil, err
	}
	config := filesync.Config{FolderID: f.id, Root: f.root, StateDir: state, KeptDir: filepath.Join(s.paths.kept(s.saved.Record.Session), f.id),
		Side: filesync.Local, Settings: settings, Logger: logger, OnChange: f.stir}
	if repository := localsync.Find(f.root, ownEnvironment()); repository != nil {
		config.Repository = repository
	}
	engine, err := filesync.New(config)
	if err != nil {
		return nil, fmt.Errorf("open the folder %s for sync: %w", f.root, err)
	}
	f.engine = engine
	return f, nil
}

// serve runs the engine and keeps it joined to the one in the pod, until ctx ends.
func (f *folder) serve(ctx context.Context, paused bool) {
	var engine sync.WaitGroup
	defer engine.Wait()
	engine.Go(func() {
		if err := f.engine.Serve(ctx); err != nil && ctx.Err() == nil {
			f.logger.Error("sync engine", "error", err)
		}
	})
	engine.Go(func() { f.watchConflicts(ctx) })
	engine.Go(func() { f.followGit(ctx) })
	if paused {
		if err := f.engine.Pause(ctx, true); err != nil && ctx.Err() == nil {
			f.logger.Error("pause sync", "error", err)
		}
	}
	for ctx.Err() == nil {
		err := f.attach(ctx)
		if err != nil && ctx.Err() == nil {
			f.logger.Warn("sync stream", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(500 * time.Millisecond):
			}
		}
	}
}

// attach opens one stream, and returns when it ends.
func (f *folder) attach(ctx context.Context) error {
	var there string // its index
	stream, err := func() (_ net.Conn, err error) {
		f.joining.Lock()
		defer f.joining.Unlock()
		settings, err := json.Marshal(f.current())
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
		return f.session.bulk.Open(ctx, wire.KindSync, wire.SyncParams{Folder: f.id, Settings: settings, Instance: f.engine.Instance()})
	}()
	if err != nil {
		return err
	}
	return f.engine.Attach(ctx, stream, there)
}

// call calls the sidecar about this folder.
func (f *folder) call(ctx context.Context, method, path string, in, out any) error {
	return sidecar{f.session}.call(ctx, method, path, in, out)
}

// do has the folder in the pod do something, and returns how many files that was about.
func (f *folder) do(ctx context.Context, do control.Do) (int, error) {
	var done control.Done
	err := f.call(ctx, http.MethodPost, control.PathDo(f.id), do, &done)
	return done.Files, err
}

// Scan and Status make the folder in the pod a filesync.Peer.
func (f *folder) Scan(ctx context.Context) error {
	return f.call(ctx, http.MethodPost, control.PathScan(f.id), nil, nil)
}

// Status asks the pod.
func (f *folder) Status(ctx context.Context) (filesync.Status, error) {
	var s filesync.Status
	return s, f.call(ctx, http.MethodGet, control.PathSync(f.id), nil, &s)
}

func (f *folder) versionsThere(ctx context.Context, rel string) ([]kept.Version, error) {
	var versions []kept.Version
	return versions, f.call(ctx, http.MethodGet, control.PathVersions(f.id)+"?path="+url.QueryEscape(rel), nil, &versions)
}

// bringHome keeps here what the pod keeps of contents that nobody has decided about: the pod's volume ends with the session.
func (f *folder) bringHome(ctx context.Context) (int, error) {
	versions, err := f.versionsThere(ctx, "")
	if err != nil {
		return 0, fmt.Errorf("ask the pod for its versions: %w", err)
	}
	n := 0
	for _, v := range versions {
		if v.Reason != kept.Conflict && v.Reason != kept.First {
			continue
		}
		var data []byte
		if err := f.call(ctx, http.MethodGet, control.PathVersion(f.id)+"?id="+url.QueryEscape(v.ID), nil, &data); err != nil {
			return n, fmt.Errorf("bring home the other content of %s: %w", v.Path, err)
		}
		_, err := f.engine.Import(v.ID, data)
		if errors.Is(err, filesync.ErrProtected) { // no pod has such files, unless somebody made it say so
			f.logger.Warn("leave a version of the pod's there", "error", err)
			continue
		}
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// afterFiles is how much longer than the files the indexes may take to be waited for: they don't keep anybody from working.
const afterFiles = time.Second

// deliver returns when everything that was here when the session began is in the pod.
func (f *folder) deliver(ctx context.Context) error {
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
func (f *folder) settled(ctx context.Context) error {
	select {
	case <-f.begun:
	case <-ctx.Done():
		return ctx.Err()
	}
	if f.delivered.Load() {
		return untilOpen(ctx, func() error { return f.engine.Delivered(ctx, f) })
	}
	return f.converge(ctx)
}

// converge waits until both ends have all of the other.
func (f *folder) converge(ctx context.Context) error {
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
		if !errors.Is(err, errNotYet) {
			return explainStop(err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
