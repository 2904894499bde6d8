package filesync

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/nhctl/nhctl/sidecar/contract"
)

// What a dev container has mounted below a synced folder needs a place in the folder's volume, which the container runtime makes: an empty
// folder or file, in folders that may be there for nothing else. None of that is anybody's sources, so the model must not see it. Nor may
// it be removed or replaced from the sidecar, which sees the places without what is mounted there: the mount in the dev container would go.

// errMounted says that a path is that of a mount, or of a folder that one is in.
var errMounted = errors.New("something is mounted there, or below, in the container")

// mountsAlone says whether a path of a root is there for the sake of mounts alone.
func (s Settings) mountsAlone(root, name string) bool { return alone(root, name, s.Mounts) }

func alone(root, name string, mounts contract.Mounts) bool {
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
		if !alone(root, filepath.Join(name, e.Name()), mounts) {
			return false
		}
	}
	return true
}

// except says what is mounted in the container.
func (p *place) except(mounts contract.Mounts) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.inPod {
		p.mounts = mounts
	}
}

func (p *place) mounted() contract.Mounts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mounts
}

// around says whether there is a mount below a path, mine whether there is one at the path itself, above or below.
func (p *place) around(name string) bool { return p.mounted().Above(filepath.ToSlash(name)) }

func (p *place) mine(name string) bool {
	_, covered := p.mounted().Covering(filepath.ToSlash(name))
	return covered || p.around(name)
}

// hides says whether the model sees nothing at a path: at and below a mount, and of a folder that is there for mounts alone, until the
// other side has one of that name.
func (p *place) hides(name string) bool {
	mounts := p.mounted()
	if len(mounts) == 0 {
		return false
	}
	if _, covered := mounts.Covering(filepath.ToSlash(name)); covered {
		return true
	}
	return mounts.Above(filepath.ToSlash(name)) && !p.wasMade(name) && !p.index.has(name) && alone(p.root, name, mounts)
}

func (p *place) wasMade(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.made[name]
}

// make notes that the model has made a folder that is there already, and says whether it is.
func (p *place) make(name string) bool {
	if info, err := os.Lstat(p.path(name)); err != nil || !info.IsDir() {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.made[name] = true
	return true
}

// leave notes that the model has removed a folder that mounts are in: it stays.
func (p *place) leave(name string) error {
	if !alone(p.root, name, p.mounted()) {
		return errMounted
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.made, name)
	return nil
}
