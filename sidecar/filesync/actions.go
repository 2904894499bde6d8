package filesync

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/protocol"
)

// modify changes the folder's configuration, and returns when the model goes by it.
func (e *Engine) modify(change func(*config.FolderConfiguration)) error {
	e.restarting.Lock()
	defer e.restarting.Unlock()
	waiter, err := e.wrap.Modify(func(c *config.Configuration) { change(&c.Folders[0]) })
	if err != nil {
		return err
	}
	waiter.Wait()
	return nil
}

// Pause stops sync until Resume; edits of both sides wait.
func (e *Engine) Pause(ctx context.Context, paused bool) error {
	if err := e.Ready(ctx); err != nil {
		return err
	}
	if err := e.modify(func(f *config.FolderConfiguration) { f.Paused = paused }); err != nil {
		return err
	}
	if err := e.started(ctx); err != nil { // a folder that rested from the beginning starts only now
		return err
	}
	e.detach() // a new stream begins with the new state
	e.config.OnChange()
	return nil
}

// Override makes this side's content the one that counts, where the two differ; files that only the other side has are
// deleted there. The other side keeps versions of what it loses. It returns how many files those are.
func (e *Engine) Override(ctx context.Context, peer Peer) (int, error) {
	e.overriding.Lock()
	defer e.overriding.Unlock()
	t := folderType(e.config.Side, e.settings().Type)
	if t != config.FolderTypeSendOnly {
		if err := e.modify(func(f *config.FolderConfiguration) { f.Type = config.FolderTypeSendOnly }); err != nil {
			return 0, err
		}
		defer func() { _ = e.modify(func(f *config.FolderConfiguration) { f.Type = t }) }()
	}
	if err := e.hearAll(ctx, peer); err != nil {
		return 0, err
	}
	differing := 0
	snapshot, err := e.model.DBSnapshot(e.config.FolderID)
	if err != nil {
		return 0, err
	}
	snapshot.WithNeedTruncated(protocol.LocalDeviceID, func(protocol.FileInfo) bool { differing++; return true })
	snapshot.Release()
	e.model.Override(e.config.FolderID)
	return differing, nil
}

// hearAll returns when this side knows all that the other has now.
func (e *Engine) hearAll(ctx context.Context, peer Peer) error {
	if err := e.scanBoth(ctx, peer); err != nil {
		return err
	}
	remote, err := peer.Status(ctx)
	for err == nil {
		var local Status
		if local, err = e.Status(); err != nil || local.PeerSequence >= remote.Sequence {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the other side's list of files: %w", ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
	return err
}

// Revert gives up what was changed here in a folder that only receives.
func (e *Engine) Revert(ctx context.Context) error {
	if err := e.Scan(ctx); err != nil {
		return err
	}
	e.model.Revert(e.config.FolderID)
	return nil
}

// Reset forgets the index, and whom the folder was joined with: everything is looked at again. Streams are cut.
func (e *Engine) Reset(ctx context.Context) error {
	e.detach()
	if err := e.Pause(ctx, true); err != nil {
		return err
	}
	err := e.model.ResetFolder(e.config.FolderID)
	e.release()
	err = errors.Join(err, e.folder.Adopt(), e.forgetJoined())
	if err := errors.Join(err, e.Pause(ctx, false)); err != nil {
		return fmt.Errorf("reset the index: %w", err)
	}
	return e.Scan(ctx)
}
