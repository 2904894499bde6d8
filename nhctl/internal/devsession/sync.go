package devsession

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/folders"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/filesync/ignore"
	"github.com/nhctl/nhctl/sidecar/filesync/kept"
)

// syncing finds a call's session, and the folders that it is about: those of the container that it names, else all.
func (k *Kind) syncing(ctx context.Context, t rpc.Target) (*Session, folders.Set, error) {
	c, err := k.container(ctx, t)
	if err != nil {
		return nil, nil, err
	}
	all := c.folders()
	if t.Container != "" {
		all = slices.DeleteFunc(all, func(f *folders.Folder) bool { return f.Container != c.Name })
	}
	if len(all) == 0 {
		return nil, nil, problem.New(problem.Usage, "container %s has no synced folder", t.Container).
			WithHint("`nhctl dev sync status` lists them all")
	}
	return c.Session, all, nil
}

func (k *Kind) syncStatus(ctx context.Context, t rpc.Target) ([]event.SyncData, error) {
	_, all, err := k.syncing(ctx, t)
	if err != nil {
		return nil, err
	}
	return all.Data(ctx), nil
}

// Synced tells how the sync of each folder is, by its id: of the folders of one container, or of all.
func (s *Session) Synced(ctx context.Context, container string) map[string]rpc.Synced {
	all := map[string]rpc.Synced{}
	for i, f := range s.folders() {
		if container == "" || container == f.Container {
			all[f.ID] = rpc.Synced{SyncData: f.Data(ctx), Session: s.ID(), Container: f.Container, Index: i}
		}
	}
	return all
}

// defaultWait limits a wait for sync.
const defaultWait = time.Minute

// syncWait returns when everything that was saved before the call is in the container.
func (k *Kind) syncWait(ctx context.Context, p rpc.SyncWait) ([]event.SyncData, error) {
	_, all, err := k.syncing(ctx, p.Target)
	if err != nil {
		return nil, err
	}
	limit := p.Timeout
	if limit == 0 {
		limit = defaultWait
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := all.Converge(ctx); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return nil, problem.New(problem.Timeout, "not everything is in the container after %s: %w", limit, err).
				WithHint("`nhctl dev sync status` says what is missing")
		}
		return nil, err
	}
	return all.Data(ctx), nil
}

// syncDo pauses, decides, restores.
func (k *Kind) syncDo(ctx context.Context, p rpc.SyncDo) (rpc.SyncDone, error) {
	s, all, err := k.syncing(ctx, p.Target)
	if err != nil {
		return rpc.SyncDone{}, err
	}
	done := rpc.SyncDone{Action: p.Action}
	if err := s.agreedTo(ctx, p, all); err != nil {
		return done, err
	}
	var ids []string
	for _, f := range all {
		rel, ok := f.Path(p.Path, p.Caller.Dir)
		if !ok {
			continue
		}
		files, err := f.Act(ctx, p, rel)
		if err != nil {
			return done, folders.ExplainStop(fmt.Errorf("%s: %w", p.Action, err))
		}
		done.Files += files
		done.Folders = append(done.Folders, f.Root)
		ids = append(ids, f.ID)
	}
	if len(done.Folders) == 0 {
		return done, notSynced(p.Path)
	}
	if p.Action == rpc.SyncPause || p.Action == rpc.SyncResume {
		return done, s.setPaused(p.Action == rpc.SyncPause, ids)
	}
	return done, nil
}

// setPaused writes down which folders rest, for a daemon to come.
func (s *Session) setPaused(paused bool, ids []string) error {
	return s.document.Edit(func(kept *saved) {
		rest := slices.DeleteFunc(slices.Clone(kept.Paused), func(id string) bool { return slices.Contains(ids, id) })
		if paused {
			rest = append(rest, ids...)
		}
		kept.Paused = rest
	})
}

// syncVersions lists what is kept of the files that sync overwrote or deleted, newest first.
func (k *Kind) syncVersions(ctx context.Context, p rpc.SyncPath) ([]rpc.SyncVersion, error) {
	_, all, err := k.syncing(ctx, p.Target)
	if err != nil {
		return nil, err
	}
	versions := []rpc.SyncVersion{}
	for _, f := range all {
		rel, ok := f.Path(p.Path, p.Caller.Dir)
		if !ok {
			continue
		}
		kept, err := f.Versions(ctx, rel)
		if err != nil {
			return nil, err
		}
		versions = append(versions, versionViews(f.Root, kept, p.Conflicts)...)
	}
	sort.SliceStable(versions, func(i, j int) bool { return versions[i].Time.After(versions[j].Time) })
	return versions, nil
}

// versionViews are a folder's kept versions as the command line shows them.
func versionViews(folder string, bySide map[string][]kept.Version, onlyConflicts bool) (views []rpc.SyncVersion) {
	for side, versions := range bySide {
		for _, v := range versions {
			if !onlyConflicts || v.Reason == kept.Conflict {
				views = append(views, rpc.SyncVersion{
					Folder: folder,
					Side:   side,
					ID:     v.ID,
					Path:   v.Path,
					Time:   v.Time,
					Reason: string(v.Reason),
					Target: v.Target,
					Bytes:  v.Bytes,
				})
			}
		}
	}
	return views
}

// syncContent reads a version that a side keeps.
func (k *Kind) syncContent(ctx context.Context, p rpc.SyncKept) (rpc.SyncContent, error) {
	_, all, err := k.syncing(ctx, p.Target)
	if err != nil {
		return rpc.SyncContent{}, err
	}
	for _, f := range all {
		if rel, ok := f.Path(p.Path, p.Caller.Dir); ok {
			content, err := f.Content(ctx, rel, p.Side, p.Version)
			return rpc.SyncContent{Content: content}, err
		}
	}
	return rpc.SyncContent{}, notSynced(p.Path)
}

// notSynced is the problem of a path that no folder has.
func notSynced(path string) error {
	return problem.New(problem.Usage, "%s is in none of the synced folders", path).
		WithHint("`nhctl dev sync status` lists them")
}

// syncExplain says why a path is synced or not.
func (k *Kind) syncExplain(ctx context.Context, p rpc.SyncPath) (ignore.Reason, error) {
	_, all, err := k.syncing(ctx, p.Target)
	if err != nil {
		return ignore.Reason{}, err
	}
	for _, f := range all {
		if rel, ok := f.Path(strings.TrimSuffix(p.Path, "/"), p.Caller.Dir); ok {
			return f.Explain(ctx, rel, p.Caller.Env), nil
		}
	}
	return ignore.Reason{}, notSynced(p.Path)
}
