package filesync

import (
	"context"
	"time"

	"github.com/syncthing/syncthing/lib/protocol"
)

// prompted is the greatest number of entries that are sent past the model; greater batches are worth its pause.
const prompted = 200

// promptLimit limits how long a connection that takes nothing may hold up scans; the model tells the peer later.
const promptLimit = 100 * time.Millisecond

// Index notes what the model says first.
func (c *eager) Index(ctx context.Context, index *protocol.Index) error {
	c.order.Lock()
	defer c.order.Unlock()
	err := c.Connection.Index(ctx, index)
	if err == nil {
		c.last = index.LastSequence
	}
	return err
}

// IndexUpdate leaves out of the model's update what was said already.
func (c *eager) IndexUpdate(ctx context.Context, update *protocol.IndexUpdate) error {
	c.order.Lock()
	defer c.order.Unlock()
	return c.update(ctx, update)
}

func (c *eager) update(ctx context.Context, update *protocol.IndexUpdate) error {
	left := *update
	if c.last > 0 {
		left.Files, left.PrevSequence = nil, c.last
		for _, f := range update.Files {
			if f.Sequence > c.last {
				left.Files = append(left.Files, f)
			}
		}
		if len(left.Files) == 0 {
			return nil
		}
	}
	err := c.Connection.IndexUpdate(ctx, &left)
	if err == nil {
		c.last = left.LastSequence
	}
	return err
}

// prompt tells the peer at once what a scan has found: the model rests for 250 ms after each update. It leaves that to the model where it
// is at it, has not said anything on this connection so far, or where that is much.
func (e *Engine) prompt(ctx context.Context) {
	e.attach.Lock()
	current := e.current
	e.attach.Unlock()
	if current == nil || !current.order.TryLock() {
		return
	}
	c := current.eager
	defer c.order.Unlock()
	snapshot, err := e.model.DBSnapshot(e.config.FolderID)
	if err != nil || c.last == 0 {
		if err == nil {
			snapshot.Release()
		}
		return
	}
	defer snapshot.Release()
	var files []protocol.FileInfo
	snapshot.WithHaveSequence(c.last+1, func(f protocol.FileInfo) bool {
		files = append(files, announced(f))
		return len(files) <= prompted
	})
	if len(files) == 0 || len(files) > prompted {
		return
	}
	update := &protocol.IndexUpdate{Folder: e.config.FolderID, Files: files, PrevSequence: c.last, LastSequence: files[len(files)-1].Sequence}
	ctx, cancel := context.WithTimeout(ctx, promptLimit)
	defer cancel()
	if err := c.update(ctx, update); err != nil {
		e.config.Logger.Debug("tell the peer at once", "folder", e.config.FolderID, "error", err)
	}
}

// announced is an entry without what only concerns this side, as the model announces it.
func announced(f protocol.FileInfo) protocol.FileInfo {
	f.RawInvalid = f.IsInvalid()
	if f.IsReceiveOnlyChanged() { // it must never become the version that counts
		f.Version = protocol.Vector{}
	}
	f.LocalFlags, f.VersionHash, f.InodeChangeNs = 0, nil, 0
	return f
}
