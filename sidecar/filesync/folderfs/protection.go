package folderfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/nhctl/nhctl/sidecar/filesync/ignore"
)

// Why something that the pod has is refused.
var (
	ErrProtected = errors.New("it must not come from the pod")
	ErrLeadsOut  = errors.New(
		"a link that leads out of the folder must not come from the pod (dev.sync.linksOutside allows it)")
	errOtherKind = errors.New(
		"the pod has something of another kind in the place of a file that only the computer may change")
)

// ofBareRepository is why a folder that git would take for a repository must not come from a pod.
const ofBareRepository = "git would take the folder for a repository, and run what its config names"

// protection knows what must not come from a pod.
type protection struct {
	folder *Folder
	root   string
	inPod  bool
	// unprotected has the pod's end tell of everything.
	unprotected bool

	mu           sync.Mutex
	names        ignore.Protection
	linksOutside bool
	// arrived are the files that the present pull has put in place: the index knows of them later.
	arrived map[string]bool
	// own are files that the pod has made something else of, with the reason why that stays there.
	own map[string]string
}

func newProtection(f *Folder, o Options) *protection {
	return &protection{
		folder:       f,
		root:         o.Root,
		inPod:        o.InPod,
		unprotected:  o.Unprotected,
		names:        o.Names,
		linksOutside: o.LinksOutside,
		arrived:      map[string]bool{},
		own:          map[string]string{},
	}
}

func (p *protection) set(names ignore.Protection, linksOutside bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.names, p.linksOutside = names, linksOutside
}

func (p *protection) path(name string) string { return filepath.Join(p.root, name) }

func (p *protection) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.arrived)
}

func (p *protection) came(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.arrived[name] = true
}

func (p *protection) mayLeadOut() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.linksOutside
}

func (p *protection) name(name string) ignore.Name {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.names.Of(filepath.ToSlash(name))
}

// refuse says why the model must not make or change a file on the computer.
func (p *protection) refuse(name string) error {
	if p.inPod || Internal(name) {
		return nil
	}
	if n := p.name(name); n.Class != ignore.Free {
		return fmt.Errorf("%w: %s", ErrProtected, n.Reason)
	}
	if completesRepository(p.root, name) {
		return fmt.Errorf("%w: %s", ErrProtected, ofBareRepository)
	}
	return nil
}

// refuseRemoval says why the model must not remove a file from the computer.
func (p *protection) refuseRemoval(name string) error {
	if p.inPod || Internal(name) || fs.IsTemporary(name) {
		return nil
	}
	if n := p.name(name); n.Class != ignore.Free {
		return fmt.Errorf("%w: %s", ErrProtected, n.Reason)
	}
	return nil
}

// oneWay says why what the pod makes of a file stays there; "" where it does not. info is the file, if it is there.
func (p *protection) oneWay(name string, info fs.FileInfo) string {
	n := p.name(name)
	switch {
	case !p.inPod || p.unprotected:
		return ""
	case n.Class != ignore.Free:
		return n.Reason
	case strings.EqualFold(filepath.Base(name), gitHead) && isRepository(filepath.Dir(p.path(name))):
		return ofBareRepository
	case info != nil && info.IsSymlink() && !p.mayLeadOut():
		if target, err := os.Readlink(p.path(name)); err == nil && leadsOut(p.root, name, target) {
			return "a link that leads out of the folder (dev.sync.linksOutside allows it)"
		}
	}
	return ""
}

// entry is what the index has of a path that exists; nil is nothing.
func (p *protection) entry(name string) *protocol.FileInfo {
	if p.folder.index == nil {
		return nil
	}
	return p.folder.index.Entry(name)
}

// shown is a file as the model is to see it: info is what is there, if anything.
func (p *protection) shown(folder fs.Filesystem, name string, info fs.FileInfo) (fs.FileInfo, error) {
	why := p.oneWay(name, info)
	p.mu.Lock()
	arrived := p.arrived[name]
	p.mu.Unlock()
	switch {
	case why == "" && info == nil:
		stays := func(below string) bool { return p.oneWay(below, nil) != "" }
		if f := p.entry(name); f != nil && f.IsDirectory() && p.folder.index.Holds(name, stays) {
			return entryInfo{*f}, nil // what is in it stays on the computer
		}
		return nil, fs.ErrNotExist
	case why == "" || arrived && info != nil:
		return info, nil
	}
	f := p.entry(name)
	switch {
	case f == nil && info == nil:
		return nil, fs.ErrNotExist
	case f == nil:
		p.note(name, why)
		return nil, fs.ErrNotExist
	case info == nil || f.Type == protocol.FileInfoTypeFile && p.changed(name):
		p.note(name, why)
	case info.IsDir() != f.IsDirectory() || f.IsDirectory() && info.IsSymlink():
		return nil, errOtherKind
	}
	return entryInfo{*f}, nil
}

// changed says whether the pod has changed a file that only the computer may change.
func (p *protection) changed(name string) bool {
	if !p.inPod || fs.IsTemporary(name) || p.oneWay(name, nil) == "" {
		return false
	}
	p.mu.Lock()
	arrived := p.arrived[name]
	p.mu.Unlock()
	info, err := os.Lstat(p.path(name))
	if arrived || err != nil || info.IsDir() {
		return false
	}
	return !info.Mode().IsRegular() || !p.folder.index.Unchanged(name, info)
}

func (p *protection) note(name, why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.own[name] = why
}

// list adds to a status what the pod has made of files that only the computer may change.
func (p *protection) list(to map[string]string) {
	p.mu.Lock()
	names := make([]string, 0, len(p.own))
	for name := range p.own {
		names = append(names, name)
	}
	p.mu.Unlock()
	for _, name := range names {
		_, err := os.Lstat(p.path(name))
		known := p.entry(name) != nil
		differs := err == nil && !known || err != nil && known || p.changed(name)
		p.mu.Lock()
		if differs {
			to[filepath.ToSlash(name)] = "what the pod made of it stays there: " + p.own[name]
		} else {
			delete(p.own, name)
		}
		p.mu.Unlock()
	}
}

// The names that git knows a repository by.
const (
	gitHead    = "HEAD"
	gitObjects = "objects"
	gitRefs    = "refs"
	gitCommon  = "commondir"
)

// isRepository says whether git would take a folder for a repository, once it has a HEAD.
func isRepository(dir string) bool {
	has := func(name string) bool { _, err := os.Lstat(filepath.Join(dir, name)); return err == nil }
	return has(gitObjects) && has(gitRefs) || has(gitCommon)
}

// completesRepository says whether something new would make git take its folder for a repository.
func completesRepository(root, name string) bool {
	dir, base := filepath.Join(root, filepath.Dir(name)), filepath.Base(name)
	has := func(name string) bool { _, err := os.Lstat(filepath.Join(dir, name)); return err == nil }
	switch {
	case strings.EqualFold(base, gitHead):
		return isRepository(dir)
	case strings.EqualFold(base, gitObjects):
		return !has(base) && has(gitHead) && has(gitRefs)
	case strings.EqualFold(base, gitRefs):
		return !has(base) && has(gitHead) && has(gitObjects)
	case strings.EqualFold(base, gitCommon):
		return has(gitHead)
	}
	return false
}

// leadsOut says whether a link below a root leads out of it, by itself or through others. One that goes down and up
// again counts as well: where it leads depends on what is put in between later.
func leadsOut(root, name, target string) bool {
	target = filepath.FromSlash(target)
	if filepath.IsAbs(target) || filepath.VolumeName(target) != "" || target == "" || os.IsPathSeparator(target[0]) ||
		strings.ContainsRune(target, 0) {
		return true
	}
	at, depth, down := filepath.Dir(filepath.Join(root, name)), len(fs.PathComponents(filepath.Dir(name))), false
	if filepath.Dir(name) == "." {
		depth = 0
	}
	for _, part := range strings.FieldsFunc(target,
		func(r rune) bool { return r < 0x80 && os.IsPathSeparator(byte(r)) }) {
		switch part {
		case ".":
			continue
		case "..":
			if depth--; down || depth < 0 {
				return true
			}
		default:
			down = true
		}
		at = filepath.Join(at, part)
		if info, err := os.Lstat(at); err == nil && info.Mode()&os.ModeSymlink != 0 && down {
			real, err := filepath.EvalSymlinks(at)
			if err != nil {
				return true // it leads nowhere, or round and round
			}
			if at = real; !isWithin(root, real) {
				return true
			}
		}
	}
	return false
}

func isWithin(root, real string) bool {
	if resolved, err := filepath.EvalSymlinks(root); err == nil {
		root = resolved
	}
	rel, err := filepath.Rel(root, real)
	return err == nil && filepath.IsLocal(rel)
}
