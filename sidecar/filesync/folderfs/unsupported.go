package folderfs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/syncthing/syncthing/lib/fs"
)

// unsupported are the files that can't be carried as they are. Whatever looks at a file tells of it, so that this costs
// no look of its own.
type unsupported struct {
	mu    sync.Mutex
	kinds map[string]string   // what can't travel at all
	links map[fileID][]string // the names of files that have several
}

// fileID tells files from each other that have several names.
type fileID struct{ device, inode uint64 }

func newUnsupported() *unsupported {
	return &unsupported{kinds: map[string]string{}, links: map[fileID][]string{}}
}

// look notes what a file is; info is nil where none is.
func (u *unsupported) look(name string, info fs.FileInfo) {
	kind, id, several := "", fileID{}, false
	if info != nil {
		if kind = kindOf(os.FileMode(info.Mode())); kind == "" && info.IsRegular() {
			id, several = severalNames(info.Sys())
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if kind != "" {
		u.kinds[name] = kind
	} else {
		delete(u.kinds, name)
	}
	if several && !slices.Contains(u.links[id], name) {
		u.links[id] = append(u.links[id], name)
	}
}

// reserved notes a name that sync needs for itself.
func (u *unsupported) reserved(name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.kinds[name] = "names that begin with " + fs.UnixTempPrefix + " or " + fs.WindowsTempPrefix + " are sync's own"
}

func kindOf(mode os.FileMode) string {
	switch {
	case mode&os.ModeNamedPipe != 0:
		return "a FIFO does not travel"
	case mode&os.ModeSocket != 0:
		return "a socket does not travel"
	case mode&(os.ModeDevice|os.ModeCharDevice|os.ModeIrregular) != 0:
		return "a device does not travel"
	}
	return ""
}

// list names what is still there, with reasons.
func (u *unsupported) list(root string) map[string]string {
	u.mu.Lock()
	defer u.mu.Unlock()
	all := map[string]string{}
	for name, reason := range u.kinds {
		if _, err := os.Lstat(filepath.Join(root, name)); err != nil {
			delete(u.kinds, name)
			continue
		}
		all[filepath.ToSlash(name)] = reason
	}
	for id, names := range u.links {
		names = slices.DeleteFunc(names, func(name string) bool {
			info, err := os.Lstat(filepath.Join(root, name))
			if err != nil {
				return true
			}
			now, several := severalNames(info.Sys())
			return !several || now != id
		})
		u.links[id] = names
		if len(names) == 0 {
			delete(u.links, id)
		}
		slices.Sort(names)
		for _, name := range names {
			if len(names) > 1 {
				others := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
				all[filepath.ToSlash(name)] = fmt.Sprintf("a hard link (to %s): the other side has files of their own",
					strings.Join(others[:min(3, len(others))], ", "))
			}
		}
	}
	return all
}
