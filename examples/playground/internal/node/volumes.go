package node

import (
	"context"
	"os"
	"path/filepath"

	"github.com/fsnotify/fsnotify"
)

// volumesRoot is where Kubernetes' host-path provisioner makes dynamic volumes; the path is fixed in its source.
const volumesRoot = "/tmp/hostpath_pv"

// OpenVolumes lets any user write to new dynamic volumes until ctx ends: the provisioner makes them for root alone, and fsGroup has
// no effect on host paths.
func OpenVolumes(ctx context.Context) error {
	if err := os.MkdirAll(volumesRoot, 0o755); err != nil {
		return err
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	defer watcher.Close()
	if err := watcher.Add(volumesRoot); err != nil {
		return err
	}
	present, err := filepath.Glob(volumesRoot + "/*")
	if err != nil {
		return err
	}
	for _, dir := range present {
		_ = os.Chmod(dir, 0o777)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-watcher.Events:
			if e.Has(fsnotify.Create) {
				_ = os.Chmod(e.Name, 0o777)
			}
		case err := <-watcher.Errors:
			return err
		}
	}
}
