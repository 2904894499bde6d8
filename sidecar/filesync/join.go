package filesync

import (
	"context"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"

	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/nhctl/nhctl/sidecar/filesync/kept"
	"github.com/nhctl/nhctl/sidecar/filesync/rooted"
)

// joinedFile in the state says that the two sides have been compared once.
const joinedFile = "joined"

// Joined says whether this side has been compared with another: only then is one index the other's past.
func (e *Engine) Joined() bool {
	_, err := os.Stat(filepath.Join(e.config.StateDir, joinedFile))
	return err == nil
}

func (e *Engine) forgetJoined() error {
	err := os.Remove(filepath.Join(e.config.StateDir, joinedFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// Content lists the files here and a sum of their content, of all that is synced.
func (e *Engine) Content(ctx context.Context) (map[string]string, error) {
	if err := e.Scan(ctx); err != nil {
		return nil, err
	}
	snapshot, err := e.model.DBSnapshot(e.config.FolderID)
	if err != nil {
		return nil, err
	}
	defer snapshot.Release()
	content := map[string]string{}
	snapshot.WithHave(protocol.LocalDeviceID, func(f protocol.FileInfo) bool {
		if isFile(f) {
			content[filepath.ToSlash(f.Name)] = hex.EncodeToString(f.BlocksHash)
		}
		return true
	})
	return content, nil
}

// Differing lists the files that both sides have with different contents.
func Differing(a, b map[string]string) []string {
	paths := []string{}
	for name, sum := range a {
		if other, ok := b[name]; ok && other != sum {
			paths = append(paths, name)
		}
	}
	return paths
}

// Join makes this side ready for one that it was never joined with: the files named give way to the other side's, and
// are kept.
func (e *Engine) Join(ctx context.Context, yield []string) error {
	for _, name := range yield {
		if _, err := e.folder.Kept().Keep(e.config.Root, name, name, kept.First); err != nil {
			return err
		}
		if err := rooted.Remove(e.config.Root, name); err != nil {
			return err
		}
	}
	if len(yield) > 0 {
		if err := e.Scan(ctx); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(e.config.StateDir, joinedFile), nil, 0o600)
}
