// Package folderfs is a synced folder as syncthing's model may see and change it. It keeps what the model would lose,
// refuses what must not come from a pod, hides what is mounted in the container, writes nothing through a link, and
// holds the model where much is gone. It knows nothing of streams, nor of the other side but what the index says.
package folderfs

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/protocol"

	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/filesync/ignore"
	"github.com/nhctl/nhctl/sidecar/filesync/kept"
)

// Options are what a folder needs to know.
type Options struct {
	// Root is the folder. StateDir is where the marker and the rules of syncthing are, KeptDir where lost bytes are
	// kept.
	Root, StateDir, KeptDir string
	// InPod says that files which the other side saved in place are written in place, and that there may be mounts.
	InPod bool
	// Mounts are what the container has from elsewhere.
	Mounts contract.Mounts
	// Names say how paths travel, and LinksOutside that links may come from the pod that lead out of the folder.
	Names        ignore.Protection
	LinksOutside bool
	// Unprotected has the pod's end tell of everything, as a program would that is not ours; for tests.
	Unprotected bool
	// Together is within which time deletions count as one; 0 means the default.
	Together time.Duration
}

// Folder is a synced folder on disk: which one it is, whether anything may be done in it now, and where lost bytes are
// kept. The model makes file systems of it as it likes.
type Folder struct {
	root, state string
	inPod       bool
	kept        *kept.Store
	received    *received
	unsupported *unsupported
	inodes      *inodes
	protection  *protection
	// mounts are what the container has from elsewhere, made the folders around them that the model made; both only in
	// a pod.
	mounts contract.Mounts
	made   map[string]bool
	// index and deletions are set before the model runs.
	index     Index
	deletions Deletions

	// reading is held while the model's first read rests.
	reading sync.RWMutex

	mu sync.Mutex
	// identity is what the folder was when its index began.
	identity string
	// together is within which time deletions count as one.
	together time.Duration
	// held is set while a mass deletion waits for a decision.
	held bool
	scan scan
	// finishing has the temporary files that are complete, and about to replace what is there.
	finishing map[string]bool
	// judged are the files as they were when it was decided that they may go, placed those that came last.
	judged, placed map[string]os.FileInfo
	// overtaken are files that someone wrote before they had got their time.
	overtaken map[string]bool
	// passing are versions that are only needed if someone writes into what was replaced.
	passing []passing
}

// Index is what is known of the files.
type Index interface {
	// Entry is what the index has of a path that exists, nil for nothing.
	Entry(name string) *protocol.FileInfo
	// Holds says whether it has such a file below a folder.
	Holds(dir string, such func(name string) bool) bool
	// Unchanged says whether a file is as the index has it.
	Unchanged(name string, info os.FileInfo) bool
	// Incoming is when a file that is coming was saved on the other side, and whether that was in place.
	Incoming(name string) (modified time.Time, inPlace bool)
	// Ours says whether this side made the present content of a file.
	Ours(name string) bool
	// Own notes that the content is this side's, though the other side changed the file, or that it is no more.
	Own(name string, ours bool)
}

type passing struct {
	version kept.Version
	info    os.FileInfo
	since   time.Time
}

// grace is how long what was replaced stays at hand: whoever had opened it before may still write into it.
const grace = 2 * time.Second

// Open makes a file system type for one engine, since syncthing makes its file systems itself, by type.
func Open(kind fs.FilesystemType, o Options) (*Folder, error) {
	store, err := kept.Open(o.KeptDir)
	if err != nil {
		return nil, err
	}
	f := &Folder{
		root:        o.Root,
		state:       o.StateDir,
		inPod:       o.InPod,
		kept:        store,
		received:    newReceived(),
		unsupported: newUnsupported(),
		inodes:      newInodes(o.Root),
		made:        map[string]bool{},
		together:    cmp.Or(o.Together, together),
		scan:        newScan(),
		finishing:   map[string]bool{},
		judged:      map[string]os.FileInfo{},
		placed:      map[string]os.FileInfo{},
		overtaken:   map[string]bool{},
	}
	f.protection = newProtection(f, o)
	f.SetMounts(o.Mounts)
	if err := errors.Join(f.identify(false), f.finishRewrites()); err != nil {
		return nil, err
	}
	state := fs.NewFilesystem(fs.FilesystemTypeBasic, o.StateDir)
	fs.RegisterFilesystemType(kind, func(uri string, opts ...fs.Option) (fs.Filesystem, error) {
		model := &modelFS{Filesystem: fs.NewFilesystem(fs.FilesystemTypeBasic, uri, opts...), state: state, folder: f}
		return &protectedFS{model, f.protection}, nil
	})
	return f, nil
}

// Use sets what is known of the files and of deletions, before the model runs.
func (f *Folder) Use(index Index, deletions Deletions) {
	f.index, f.deletions = index, deletions
}

// Kept is where lost bytes are kept.
func (f *Folder) Kept() *kept.Store { return f.kept }

// Protect says how paths travel by their names, and whether links may come from the pod that lead out of the folder.
func (f *Folder) Protect(names ignore.Protection, linksOutside bool) {
	f.protection.set(names, linksOutside)
}

// Unsupported are the files that do not travel as they are, each with the reason.
func (f *Folder) Unsupported() map[string]string {
	all := f.unsupported.list(f.root)
	f.protection.list(all)
	return all
}

// Reserve notes a file whose name sync needs for itself.
func (f *Folder) Reserve(name string) { f.unsupported.reserved(name) }

// Received is how many bytes have come of files that are not complete, and the bytes a second that come.
func (f *Folder) Received() (partial int64, rate float64) { return f.received.progress() }

// Known notes a file as an earlier run has left it in the index, before the model runs: when it was saved, when its
// inode was changed last, its size in bytes, and whether the peer lacks it as it is there.
func (f *Folder) Known(name string, saved, changed time.Time, size int64, lacks bool) {
	f.inodes.known(name, indexed{saved.UnixNano(), changed.UnixNano(), size, lacks})
}

// Replaced says whether a name has another file than the one that the peer has, when it is told of a version; has says
// whether it has a version.
func (f *Folder) Replaced(name string, version uint64, has func(version uint64) bool) bool {
	return f.inodes.replaced(name, version, has)
}

// Adopt makes the folder that is there now the one that the index is about.
func (f *Folder) Adopt() error { return f.identify(true) }

// identify reads which folder the index is about, from the marker in the state; or takes the folder that is there now.
func (f *Folder) identify(again bool) error {
	info, err := os.Stat(f.root)
	if err != nil {
		return err
	}
	id := identityOf(info)
	file := filepath.Join(f.state, Marker)
	if known, err := os.ReadFile(file); err == nil && !again {
		id = string(known)
	} else if err := os.WriteFile(file, []byte(id), 0o600); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.identity = id
	return nil
}

// Rest keeps the model from reading files until end is called, or limit is over.
func (f *Folder) Rest(limit time.Duration) (end func()) {
	f.reading.Lock()
	end = sync.OnceFunc(f.reading.Unlock)
	time.AfterFunc(limit, end)
	return end
}

func (f *Folder) path(name string) string { return filepath.Join(f.root, name) }

// present says whether the folder is the one that the index is about.
func (f *Folder) present() bool {
	info, err := os.Stat(f.root)
	f.mu.Lock()
	defer f.mu.Unlock()
	return err == nil && identityOf(info) == f.identity
}
