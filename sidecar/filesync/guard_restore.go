package filesync

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/syncthing/syncthing/lib/protocol"
	"github.com/syncthing/syncthing/lib/scanner"

	"github.com/nhctl/nhctl/sidecar/filesync/rooted"
)

// Restore undoes the batch of deletions that waits here: what is missing comes back from the other side.
func (e *Engine) Restore(ctx context.Context) (int, error) {
	restored, err := e.bringBack(ctx)
	if err != nil {
		return restored, err
	}
	return restored, e.scanModel()
}

func (e *Engine) bringBack(ctx context.Context) (int, error) {
	e.searching.Lock()
	defer e.searching.Unlock()
	if e.Held() == nil {
		return 0, nil
	}
	snapshot, err := e.model.DBSnapshot(e.config.FolderID)
	if err != nil {
		return 0, err
	}
	defer snapshot.Release()
	var lost []protocol.FileInfo
	snapshot.WithHave(protocol.LocalDeviceID, func(f protocol.FileInfo) bool {
		if !f.Deleted && !f.IsInvalid() && e.gone(f.Name) {
			lost = append(lost, f)
		}
		return true
	})
	e.restoring.Store(true)
	defer e.restoring.Store(false)
	restored := 0
	for _, f := range lost { // in the order of their names: folders come before what is in them
		err := e.fetch(ctx, f)
		for err != nil && !e.model.ConnectedTo(e.peer()) && ctx.Err() == nil { // the other side comes back
			select {
			case <-ctx.Done():
			case <-time.After(settling):
			}
			err = e.fetch(ctx, f)
		}
		switch {
		case err == nil:
			restored++
		case !errors.Is(err, protocol.ErrNoSuchFile): // that one had been deleted there before
			return restored, fmt.Errorf("bring back %s, the %d. of %d files: %w", f.Name, restored+1, len(lost), err)
		}
	}
	e.release()
	return restored, nil
}

// fetch writes a file of the index again, with bytes from the other side.
func (e *Engine) fetch(ctx context.Context, f protocol.FileInfo) error {
	file, err := rooted.OpenNew(e.config.Root, filepath.FromSlash(f.Name))
	if err != nil {
		return err
	}
	defer file.Close()
	switch {
	case f.IsDirectory():
		if err := file.Dir.Mkdir(file.Name, os.FileMode(f.Permissions&0o777)); !errors.Is(err, os.ErrExist) {
			return err
		}
		return nil
	case f.IsSymlink():
		return file.Dir.Symlink(string(f.SymlinkTarget), file.Name)
	}
	temporary := file.Sibling(fmt.Sprintf(".syncthing.restored-%d.tmp", f.Sequence))
	defer temporary.Remove()
	out, err := temporary.OpenFile(os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	for i := range f.Blocks {
		var data []byte
		if data, err = e.block(ctx, f, i); err != nil {
			break
		}
		if _, err = out.Write(data); err != nil {
			break
		}
	}
	err = errors.Join(err, out.Chmod(os.FileMode(f.Permissions&0o777)), out.Close())
	if err == nil {
		err = temporary.Chtimes(f.ModTime(), f.ModTime())
	}
	if err != nil {
		return file.Explain(err)
	}
	return temporary.Rename(file)
}

// errOtherBytes says that the other side answered with what the index does not have of a file.
var errOtherBytes = errors.New("the other side sent something else than what was deleted here")

// block is a part of a file, from the other side: as the index has it, whatever comes.
func (e *Engine) block(ctx context.Context, f protocol.FileInfo, i int) ([]byte, error) {
	b := f.Blocks[i]
	data, err := e.model.RequestGlobal(ctx, e.peer(), e.config.FolderID, f.Name, i, b.Offset, b.Size, b.Hash, 0, false)
	if err != nil {
		return nil, err
	}
	return data, matches(data, b)
}

func matches(data []byte, b protocol.BlockInfo) error {
	if len(data) != b.Size || !scanner.Validate(data, b.Hash, 0) {
		return errOtherBytes
	}
	return nil
}
