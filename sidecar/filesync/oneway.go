package filesync

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
	errProtected = errors.New("it must not come from the pod")
	errLeadsOut  = errors.New("a link that leads out of the folder must not come from the pod (dev.sync.linksOutside allows it)")
	errOtherKind = errors.New("the pod has something of another kind in the place of a file that only the computer may change")
)

// ofBareRepository is why a folder that git would take for a repository must not come from a pod.
const ofBareRepository = "git would take the folder for a repository, and run what its config names"

// guard knows what must not come from a pod.
type guard struct {
	place *place
	root  string
	side  Side
	// index is set before the model runs.
	index guarded

	mu           sync.Mutex
	names        ignore.Protection
	linksOutside bool
	disarmed     bool // by a test
	// arrived are the files that the present pull has put in place: the index knows of them later.
	arrived map[string]bool
	// own are files that the pod has made something else of, with the reason why that stays there.
	own map[string]string
}

// guarded is the engine, as far as a guard asks it.
type guarded interface {
	// entry is what the index has of a path that exists, nil for nothing; holds says whether it has such a file below
	// a folder.
	entry(name string) *protocol.FileInfo
	holds(dir string, such func(name string) bool) bool
	// unchanged says whether a file is as the index has it.
	unchanged(name string, info os.FileInfo) bool
}

func newGuard(p *place, c Config) *guard {
	g := &guard{place: p, root: c.Root, side: c.Side, arrived: map[string]bool{}, own: map[string]string{}}
	g.settle(c.Settings)
	return g
}

// settle takes up settings.
func (g *guard) settle(s Settings) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.names, g.linksOutside = s.names(), s.LinksOutside
}

func (g *guard) path(name string) string { return filepath.Join(g.root, name) }

func (g *guard) begin() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.arrived)
}

func (g *guard) came(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.arrived[name] = true
}

func (g *guard) mayLeadOut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.linksOutside
}

func (g *guard) isDisarmed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.disarmed
}

func (g *guard) name(name string) ignore.Name {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.names.Of(filepath.ToSlash(name))
}

// refuse says why the model must not make or change a file on the computer.
func (g *guard) refuse(name string) error {
	if g.side != Local || internal(name) {
		return nil
	}
	if n := g.name(name); n.Class != ignore.Free {
		return fmt.Errorf("%w: %s", errProtected, n.Reason)
	}
	if completesRepository(g.root, name) {
		return fmt.Errorf("%w: %s", errProtected, ofBareRepository)
	}
	return nil
}

// refuseRemoval says why the model must not remove a file from the computer.
func (g *guard) refuseRemoval(name string) error {
	if g.side != Local || internal(name) || fs.IsTemporary(name) {
		return nil
	}
	if n := g.name(name); n.Class != ignore.Free {
		return fmt.Errorf("%w: %s", errProtected, n.Reason)
	}
	return nil
}

// oneWay says why what the pod makes of a file stays there; "" where it does not. info is the file, if it is there.
func (g *guard) oneWay(name string, info fs.FileInfo) string {
	n := g.name(name)
	switch {
	case g.side == Local || g.isDisarmed():
		return ""
	case n.Class != ignore.Free:
		return n.Reason
	case strings.EqualFold(filepath.Base(name), gitHead) && isRepository(filepath.Dir(g.path(name))):
		return ofBareRepository
	case info != nil && info.IsSymlink() && !g.mayLeadOut():
		if target, err := os.Readlink(g.path(name)); err == nil && leadsOut(g.root, name, target) {
			return "a link that leads out of the folder (dev.sync.linksOutside allows it)"
		}
	}
	return ""
}

// entry is what the index has of a path that exists; nil is nothing.
func (g *guard) entry(name string) *protocol.FileInfo {
	if g.index == nil {
		return nil
	}
	return g.index.entry(name)
}

// shown is a file as the model is to see it: info is what is there, if anything.
func (g *guard) shown(folder fs.Filesystem, name string, info fs.FileInfo) (fs.FileInfo, error) {
	why := g.oneWay(name, info)
	g.mu.Lock()
	arrived := g.arrived[name]
	g.mu.Unlock()
	switch {
	case why == "" && info == nil:
		stays := func(below string) bool { return g.oneWay(below, nil) != "" }
		if f := g.entry(name); f != nil && f.IsDirectory() && g.index.holds(name, stays) {
			return entryInfo{*f}, nil // what is in it stays on the computer
		}
		return nil, fs.ErrNotExist
	case why == "" || arrived && info != nil:
		return info, nil
	}
	f := g.entry(name)
	switch {
	case f == nil && info == nil:
		return nil, fs.ErrNotExist
	case f == nil:
		g.note(name, why)
		return nil, fs.ErrNotExist
	case info == nil || f.Type == protocol.FileInfoTypeFile && g.changed(name):
		g.note(name, why)
	case info.IsDir() != f.IsDirectory() || f.IsDirectory() && info.IsSymlink():
		return nil, errOtherKind
	}
	return entryInfo{*f}, nil
}

// changed says whether the pod has changed a file that only the computer may change.
func (g *guard) changed(name string) bool {
	if g.side == Local || fs.IsTemporary(name) || g.oneWay(name, nil) == "" {
		return false
	}
	g.mu.Lock()
	arrived := g.arrived[name]
	g.mu.Unlock()
	info, err := os.Lstat(g.path(name))
	if arrived || err != nil || info.IsDir() {
		return false
	}
	return !info.Mode().IsRegular() || !g.index.unchanged(name, info)
}

func (g *guard) note(name, why string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.own[name] = why
}

// list adds to a status what the pod has made of files that only the computer may change.
func (g *guard) list(to map[string]string) {
	g.mu.Lock()
	names := make([]string, 0, len(g.own))
	for name := range g.own {
		names = append(names, name)
	}
	g.mu.Unlock()
	for _, name := range names {
		_, err := os.Lstat(g.path(name))
		known := g.entry(name) != nil
		differs := err == nil && !known || err != nil && known || g.changed(name)
		g.mu.Lock()
		if differs {
			to[filepath.ToSlash(name)] = "what the pod made of it stays there: " + g.own[name]
		} else {
			delete(g.own, name)
		}
		g.mu.Unlock()
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
	for _, part := range strings.FieldsFunc(target, func(r rune) bool { return r < 0x80 && os.IsPathSeparator(byte(r)) }) {
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
