package filesync

import (
	"context"

	"github.com/syncthing/syncthing/lib/protocol"
)

// maxPushed is the greatest number of entries that are sent past the model; greater batches are worth its pause.
const maxPushed = 1000

// Index notes what the model says first.
func (c *eager) Index(ctx context.Context, index *protocol.Index) error {
	c.order.Lock()
	defer c.order.Unlock()
	marked := *index
	marked.Files = c.marked(index.Files)
	err := c.Connection.Index(ctx, &marked)
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
	left.Files = c.marked(left.Files)
	err := c.sendPrefetch(&left)
	if err == nil {
		err = c.Connection.IndexUpdate(ctx, &left)
	}
	if err == nil {
		c.last = left.LastSequence
	}
	return err
}

// push has the peer told at once what a scan has found: the model rests for 250 ms after each update.
func (e *Engine) push() {
	select {
	case e.pushes <- struct{}{}:
	default: // it will be told of all
	}
}

// announce tells the peer when there is something to push, until ctx ends. A stream that takes nothing holds up no
// other.
func (e *Engine) announce(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.pushes:
		}
		e.attach.Lock()
		current := e.current
		e.attach.Unlock()
		if current == nil {
			continue
		}
		if err := e.tell(ctx, current.eager); err != nil {
			e.config.Logger.Debug("tell the peer at once", "folder", e.config.FolderID, "error", err)
		}
	}
}

// tell sends what the model has not sent so far. It leaves that to the model where it has not said anything on this
// connection yet, and where it is much.
func (e *Engine) tell(ctx context.Context, c *eager) error {
	c.order.Lock()
	defer c.order.Unlock()
	if c.last == 0 {
		return nil
	}
	snapshot, err := e.model.DBSnapshot(e.config.FolderID)
	if err != nil {
		return err
	}
	var files []protocol.FileInfo
	deleted := false
	snapshot.WithHaveSequence(c.last+1, func(f protocol.FileInfo) bool {
		files, deleted = append(files, announced(f)), f.Deleted
		return len(files) <= maxPushed && !deleted
	})
	snapshot.Release()
	if len(files) == 0 || len(files) > maxPushed || deleted { // what is deleted may be the first of many
		return nil
	}
	return c.update(ctx, &protocol.IndexUpdate{
		Folder:       e.config.FolderID,
		Files:        files,
		PrevSequence: c.last,
		LastSequence: files[len(files)-1].Sequence,
	})
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
