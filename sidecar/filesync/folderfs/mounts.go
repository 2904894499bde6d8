package folderfs

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// For each mount of a dev container below a synced folder, the container runtime makes a mount point in the folder's
// volume: an empty folder or file, in folders that may be there for nothing else. These are not sources, so the model
// must not see them. Nor may the sidecar, which sees the mount points without what is mounted there, remove or replace
// one: the mount in the dev container would go.

// errMounted says that a path is that of a mount, or of a folder that one is in.
var errMounted = errors.New("something is mounted there, or below, in the container")

// ForMountsAlone says whether a path of a root is there for the sake of mounts alone.
func ForMountsAlone(root, name string, mounts contract.Mounts) bool {
	rel := filepath.ToSlash(name)
	if _, covered := mounts.Covering(rel); covered {
		return true
	}
	if !mounts.Above(rel) {
		return false
	}
	entries, err := os.ReadDir(filepath.Join(root, name))
	if err != nil {
		return false
	}
	for _, e := range entries {
		if !ForMountsAlone(root, filepath.Join(name, e.Name()), mounts) {
			return false
		}
	}
	return true
}

// SetMounts says what is mounted in the container.
func (f *Folder) SetMounts(mounts contract.Mounts) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.inPod {
		f.mounts = mounts
	}
}

func (f *Folder) mounted() contract.Mounts {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mounts
}

// around says whether there is a mount below a path, mine whether there is one at the path itself, above or below.
func (f *Folder) around(name string) bool { return f.mounted().Above(filepath.ToSlash(name)) }

func (f *Folder) mine(name string) bool {
	_, covered := f.mounted().Covering(filepath.ToSlash(name))
	return covered || f.around(name)
}

// hides says whether the model sees nothing at a path: at and below a mount, and of a folder that is there for mounts
// alone, until the other side has one of that name.
func (f *Folder) hides(name string) bool {
	mounts := f.mounted()
	if len(mounts) == 0 {
		return false
	}
	if _, covered := mounts.Covering(filepath.ToSlash(name)); covered {
		return true
	}
	return mounts.Above(filepath.ToSlash(name)) && !f.wasMade(name) && f.index.Entry(name) == nil &&
		ForMountsAlone(f.root, name, mounts)
}

func (f *Folder) wasMade(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.made[name]
}

// make notes that the model has made a folder that is there already, and says whether it is.
func (f *Folder) make(name string) bool {
	if info, err := os.Lstat(f.path(name)); err != nil || !info.IsDir() {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.made[name] = true
	return true
}

// leave notes that the model has removed a folder that mounts are in: it stays.
func (f *Folder) leave(name string) error {
	if !ForMountsAlone(f.root, name, f.mounted()) {
		return errMounted
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.made, name)
	return nil
}
