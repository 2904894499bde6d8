package filesync

import (
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/fs"

	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/filesync/kept"
)

// place is a synced folder on disk: which folder it is, whether anything may be done in it now, and where lost bytes are kept. The
// model makes file systems for it as it likes.
type place struct {
	root, state string
	// inPod says that files which the other side saved in place are written in place, and that there may be mounts.
	inPod     bool
	kept      *kept.Store
	progress  *progress
	uncarried *uncarried
	inodes    *inodes
	// mounts are what the container has from elsewhere, made the folders around them that the model made; both only in a pod.
	mounts contract.Mounts
	made   map[string]bool
	// index is what the engine knows of the files; it is set before the model runs.
	index index

	guard *guard

	// reading is held while the model's first read rests.
	reading sync.RWMutex

	mu sync.Mutex
	// identity is what the folder was when its index began.
	identity string
	// held is set while a mass deletion waits for a decision.
	held bool
	// before is the number of files before a scan, 0 where nothing is guarded; vanished are the paths that it missed.
	before   int
	vanished map[string]bool
	// excused are the files that this scan misses because version control took them away.
	excused map[string]bool
	// recent are the deletions of the scans before it.
	recent []loss
	// finishing has the temporary files that are complete, and about to replace what is there.
	finishing map[string]bool
	// judged are the files as they were when it was decided that they may go, placed those that came last.
	judged, placed map[string]os.FileInfo
	// overtaken are files that somebody wrote before they had got their time.
	overtaken map[string]bool
	// passing are versions that are only needed if somebody writes into what was replaced.
	passing []passing
}

// index is the engine, as far as a place asks it.
type index interface {
	// ours says whether this side made the present content of a file, knows whether the index has it.
	ours(name string) bool
	knows(name string) bool
	// own notes that the content is this side's, though the other side changed the file, or that it is no more.
	own(name string, ours bool)
	// has says whether the index has something of that name, be it a folder.
	has(name string) bool
	// incoming is when a file that is coming was saved on the other side, and whether that was in place.
	incoming(name string) (modified time.Time, inPlace bool)
	// unchanged says whether a file is as the index has it.
	unchanged(name string, info os.FileInfo) bool
	// known is how many files the index has, 0 where nothing is guarded. excessive says whether that many gone are worth a look;
	// judge whether the scan must not go on: before is how many went lately.
	known() int
	excessive(known, gone int) bool
	judge(known, before int) bool
}

// loss is how many files a scan found deleted, less those that were new.
type loss struct {
	files int
	at    time.Time
}

type passing struct {
	version kept.Version
	info    os.FileInfo
	since   time.Time
}

// grace is how long what was replaced stays at hand: whoever had opened it before may still write into it.
const grace = 2 * time.Second

// openPlace makes a file system type for one engine, since syncthing makes its file systems itself, by type.
func openPlace(kind fs.FilesystemType, c Config) (*place, error) {
	store, err := kept.Open(c.KeptDir)
	if err != nil {
		return nil, err
	}
	p := &place{
		root: c.Root, state: c.StateDir, inPod: c.Side == Remote, kept: store,
		progress: newProgress(), uncarried: newUncarried(), inodes: newInodes(),
		vanished: map[string]bool{}, excused: map[string]bool{}, finishing: map[string]bool{}, overtaken: map[string]bool{},
		judged: map[string]os.FileInfo{}, placed: map[string]os.FileInfo{}, made: map[string]bool{},
	}
	if err := p.identify(false); err != nil {
		return nil, err
	}
	if err := p.finishRewrites(); err != nil {
		return nil, err
	}
	p.except(c.Settings.Mounts)
	p.guard = newGuard(p, c)
	state := fs.NewFilesystem(fs.FilesystemTypeBasic, c.StateDir)
	fs.RegisterFilesystemType(kind, func(uri string, opts ...fs.Option) (fs.Filesystem, error) {
		root := &rootFS{Filesystem: fs.NewFilesystem(fs.FilesystemTypeBasic, uri, opts...), state: state, place: p}
		return &guardFS{root, p.guard}, nil
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

// rest keeps the model from reading files until end is called, or limit is over.
func (p *place) rest(limit time.Duration) (end func()) {
	p.reading.Lock()
	end = sync.OnceFunc(p.reading.Unlock)
	time.AfterFunc(limit, end)
	return end
}

func (p *place) path(name string) string { return filepath.Join(p.root, name) }

func (p *place) hold(held bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = held
	clear(p.vanished)
	p.recent, p.before = nil, 0
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
	if p.index != nil { // the model runs
		before = p.index.known()
	}
	p.settle(time.Now().Add(-grace))
	p.mu.Lock()
	defer p.mu.Unlock()
	if lost := p.before - before - len(p.excused); len(p.vanished) > 0 && lost > 0 && before > 0 {
		p.recent = append(p.recent, loss{lost, time.Now()})
	}
	clear(p.excused)
	p.recent = slices.DeleteFunc(p.recent, func(l loss) bool { return time.Since(l.at) > batchTime })
	p.before = before
	clear(p.vanished)
	clear(p.finishing)
	clear(p.judged)
	clear(p.placed)
	clear(p.overtaken)
}

// miss notes a path that is gone, though the index has it.
func (p *place) miss(name string) {
	p.mu.Lock()
	watched := p.before > 0 && len(p.vanished) <= few // of more, the number does not matter: judge counts what is left
	p.mu.Unlock()
	if watched && !fs.IsTemporary(name) && p.index.knows(name) {
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
	held, known, before, gone := p.held, p.before, p.lately(), len(p.vanished)
	p.mu.Unlock()
	doubtful := known > 0 && (gone > few || gone > 0 && p.index.excessive(known+before, gone+before))
	return !held && (!doubtful || !p.index.judge(known, before))
}

// excuse notes files that are gone for a reason, and returns how many those are of this scan.
func (p *place) excuse(names []string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range names {
		p.excused[name] = true
	}
	return len(p.excused)
}

// lately is how many files went shortly before this scan.
func (p *place) lately() int {
	n := 0
	for _, l := range p.recent {
		n += l.files
	}
	return n
}
