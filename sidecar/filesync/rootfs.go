package filesync

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/fs"

	"github.com/nhctl/nhctl/sidecar/filesync/kept"
)

// The names of syncthing's own files in a folder's root.
const (
	marker     = ".stfolder"
	ignoreFile = ".stignore"
)

// place is a synced folder on disk: which folder it is, whether anything may be done in it now, and where lost bytes are kept. The
// model makes file systems for it as it likes.
type place struct {
	root, state string
	kept        *kept.Store
	// ours says whether this side made the present content of a file; it is set before the model runs.
	ours func(name string) bool
	// knows says whether the index has a file, known how many; judge whether a scan that finds much deleted must not go on.
	knows func(name string) bool
	known func() int
	judge func(known int) bool

	mu sync.Mutex
	// identity is what the folder was when its index began.
	identity string
	// held is set while a mass deletion waits for a decision.
	held bool
	// before is the number of files before a scan, 0 where nothing is guarded; vanished are the paths that it missed.
	before   int
	vanished map[string]bool
	// finishing has the temporary files that are complete, and about to replace what is there.
	finishing map[string]bool
	// doubtful has versions that are only needed if somebody wrote while the file was replaced.
	doubtful map[string]doubt
}

type doubt struct {
	version kept.Version
	size    int64
	time    time.Time
}

// openPlace makes a file system type for one engine, since syncthing makes its file systems itself, by type.
func openPlace(kind fs.FilesystemType, c Config) (*place, error) {
	store, err := kept.Open(c.KeptDir)
	if err != nil {
		return nil, err
	}
	p := &place{root: c.Root, state: c.StateDir, kept: store, vanished: map[string]bool{}, finishing: map[string]bool{}, doubtful: map[string]doubt{}}
	if err := p.identify(false); err != nil {
		return nil, err
	}
	state := fs.NewFilesystem(fs.FilesystemTypeBasic, c.StateDir)
	fs.RegisterFilesystemType(kind, func(uri string, opts ...fs.Option) (fs.Filesystem, error) {
		return &rootFS{Filesystem: fs.NewFilesystem(fs.FilesystemTypeBasic, uri, opts...), state: state, place: p}, nil
	})
	return p, nil
}

// identify reads which folder the index is about, from the marker in the state. Anew takes the folder that is there now.
func (p *place) identify(anew bool) error {
	id, err := identity(p.root)
	if err != nil {
		return err
	}
	file := filepath.Join(p.state, marker)
	if known, err := os.ReadFile(file); err == nil && !anew {
		id = string(known)
	} else if err := os.WriteFile(file, []byte(id), 0o600); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.identity = id
	return nil
}

func (p *place) hold(held bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = held
	clear(p.vanished)
}

// present says whether the folder is the one that the index is about.
func (p *place) present() bool {
	id, err := identity(p.root)
	p.mu.Lock()
	defer p.mu.Unlock()
	return err == nil && id == p.identity
}

// begin is called when the model begins a scan or a pull. What a pull left is forgotten: a complete file that did not take its
// place after all.
func (p *place) begin() {
	before := 0
	if p.known != nil { // the model runs
		before = p.known()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.before = before
	clear(p.vanished)
	clear(p.finishing)
}

// miss notes a path that is gone, though the index has it.
func (p *place) miss(name string) {
	p.mu.Lock()
	watched := p.before > 0 && len(p.vanished) <= few
	p.mu.Unlock()
	if watched && !fs.IsTemporary(name) && p.knows(name) {
		p.mu.Lock()
		p.vanished[name] = true
		p.mu.Unlock()
	}
}

// usable says whether the model may go on, before it writes down what a scan has found.
func (p *place) usable() bool {
	if !p.present() {
		return false
	}
	p.mu.Lock()
	held, before, many := p.held, p.before, len(p.vanished) > few
	p.mu.Unlock()
	return !held && (!many || !p.judge(before))
}

func (p *place) finish(temporary string, complete bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if complete {
		p.finishing[temporary] = true
	} else {
		delete(p.finishing, temporary)
	}
}

// replacing says whether a file is about to be replaced.
func (p *place) replacing(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.finishing[fs.TempName(name)]
}

// keep makes a version of what is about to be replaced or deleted. What the other side made itself is no loss to it: such a version
// is dropped by settle, unless somebody wrote meanwhile.
func (p *place) keep(name string, reason kept.Reason) error {
	file := filepath.Join(p.root, name)
	info, err := os.Lstat(file)
	if err != nil || info.IsDir() {
		return nil // nothing to lose; the caller finds out itself
	}
	ours := reason == kept.Conflict || p.ours(name)
	v, err := p.kept.Keep(file, name, reason, !ours)
	if err == nil && !ours && v.ID != "" {
		p.mu.Lock()
		p.doubtful[name] = doubt{v, info.Size(), info.ModTime()}
		p.mu.Unlock()
	}
	return err
}

// settle drops a version that turned out not to be needed.
func (p *place) settle(name string) {
	p.mu.Lock()
	d, ok := p.doubtful[name]
	delete(p.doubtful, name)
	p.mu.Unlock()
	if !ok {
		return
	}
	if info, err := p.kept.Stat(d.version); err == nil && info.Size() == d.size && info.ModTime().Equal(d.time) {
		_ = p.kept.Drop(d.version)
	}
}

// rootFS is the user's folder, with syncthing's own files kept elsewhere: nothing of ours ever appears in it. Whatever is changed
// through it is the other side's doing.
type rootFS struct {
	fs.Filesystem
	state fs.Filesystem
	place *place
}

func internal(name string) bool { return name == marker || name == ignoreFile }

func (f *rootFS) Stat(name string) (fs.FileInfo, error) {
	if !internal(name) {
		return f.Filesystem.Stat(name)
	}
	// A folder that was unmounted or replaced is another one: without its marker syncthing stops, instead of taking what is
	// missing for deletions.
	if name == marker && !f.place.usable() {
		return nil, fs.ErrNotExist
	}
	if name == ignoreFile { // what the model asks for first
		f.place.begin()
	}
	return f.state.Stat(name)
}

func (f *rootFS) Lstat(name string) (fs.FileInfo, error) {
	if internal(name) {
		return f.Stat(name)
	}
	info, err := f.Filesystem.Lstat(name)
	if fs.IsNotExist(err) {
		f.place.miss(name)
	}
	return info, err
}

func (f *rootFS) Open(name string) (fs.File, error) {
	if internal(name) {
		return f.state.Open(name)
	}
	return f.Filesystem.Open(name)
}

func (f *rootFS) OpenFile(name string, flags int, mode fs.FileMode) (fs.File, error) {
	f.place.finish(name, false)
	return f.Filesystem.OpenFile(name, flags, mode)
}

func (f *rootFS) Hide(name string) error {
	if internal(name) {
		return nil
	}
	return f.Filesystem.Hide(name)
}

// Chmod is the first that happens to a temporary file once it is complete. A file that is there gets the other side's attributes,
// and counts as theirs from then on: whose content it was is only known now.
func (f *rootFS) Chmod(name string, mode fs.FileMode) error {
	if fs.IsTemporary(name) {
		f.place.finish(name, true)
	} else if f.place.ours(name) {
		if err := f.place.keep(name, kept.Replaced); err != nil {
			return err
		}
	}
	return f.Filesystem.Chmod(name, mode)
}

// Remove keeps what it removes. What is about to be replaced stays until then: programs in the pod must never miss a file.
func (f *rootFS) Remove(name string) error {
	if fs.IsTemporary(name) {
		f.place.finish(name, false)
		return f.Filesystem.Remove(name)
	}
	if f.place.replacing(name) {
		return f.place.keep(name, kept.Replaced)
	}
	if err := f.place.keep(name, kept.Deleted); err != nil {
		return err
	}
	defer f.place.settle(name)
	return f.Filesystem.Remove(name)
}

// Rename keeps the loser of a conflict outside of the folder, where no compiler finds it.
func (f *rootFS) Rename(from, to string) error {
	if strings.Contains(filepath.Base(to), ".sync-conflict-") && !strings.Contains(filepath.Base(from), ".sync-conflict-") {
		if _, err := f.Filesystem.Lstat(from); err != nil {
			return err
		}
		if err := f.place.keep(from, kept.Conflict); err != nil || f.place.replacing(from) {
			return err
		}
		return f.Filesystem.Remove(from)
	}
	if !fs.IsTemporary(from) { // the other side moved it, and may do with it there what it likes
		if err := f.place.keep(from, kept.Deleted); err != nil {
			return err
		}
		defer f.place.settle(from)
	}
	f.place.finish(from, false)
	defer f.place.settle(to)
	return f.Filesystem.Rename(from, to)
}
