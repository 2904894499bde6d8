package devsession

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/nhctl/nhctl/nhctl/internal/devmode"
	"github.com/nhctl/nhctl/nhctl/internal/devsession/folders"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/sidecar/filesync"
)

// openFolder is a folder of the session, which may be stopped before the session.
type openFolder struct {
	*folders.Folder
	stop func() // ends what serveFolder began, and waits for it
}

// folders are those that the session syncs.
func (s *Session) folders() folders.Set {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all folders.Set
	for _, f := range s.opened {
		all = append(all, f.Folder)
	}
	return all
}

// serveFolder serves a folder until it is stopped or the session ends.
func (s *Session) serveFolder(f *openFolder) {
	ctx, cancel := context.WithCancel(s.Context())
	ended := make(chan struct{})
	f.stop = func() { cancel(); <-ended }
	s.Go("sync of "+f.Root, func() {
		defer close(ended)
		defer cancel()
		f.Serve(ctx)
	})
}

// openFolders opens the indexes of all folders of the session. One that only the cluster knew has no settings here for
// more than the sources: theirs hold for all.
func (s *Session) openFolders() error {
	s.opened = nil
	kept := s.document.Value()
	all := kept.Record.Folders()
	if len(kept.Roots) != len(all) {
		return fmt.Errorf("open the session's folders: this computer knows %d of %d", len(kept.Roots), len(all))
	}
	for i, synced := range all {
		synced.Local = kept.Roots[i]
		settings, state := kept.Settings, "sync"
		if i > 0 {
			state = "sync-" + synced.ID
			if i <= len(kept.More) {
				settings = kept.More[i-1]
			}
		}
		f, err := s.openFolder(synced, settings, filepath.Join(cmp.Or(s.indexes, s.dirs.Session(s.ID())), state))
		if err != nil {
			return err
		}
		s.opened = append(s.opened, &openFolder{Folder: f})
	}
	return nil
}

func (s *Session) openFolder(of record.Folder, settings filesync.Settings, state string) (*folders.Folder, error) {
	kept := s.document.Value()
	settings.Mounts = kept.Mounts[of.ID]
	return folders.Open(folders.Config{
		ID:        of.ID,
		Root:      of.Local,
		Container: of.Container,
		Image:     imageOf(kept.Record, of.Container),
		State:     state,
		Kept:      filepath.Join(s.dirs.Kept(s.ID()), of.ID),
		Settings:  settings,
		Paused:    slices.Contains(kept.Paused, of.ID),
		Session:   s,
		Logger:    s.Logger.With("session", s.ID()),
	})
}

// imageOf is the dev image of the container that has a folder.
func imageOf(r devmode.Record, container string) string {
	for _, c := range r.Containers() {
		if c.Name == container {
			return c.Image
		}
	}
	return r.Image
}

// BulkPod names the pod that the bulk carrier is up to.
func (s *Session) BulkPod() string { return s.Session.BulkLink().Pod }
