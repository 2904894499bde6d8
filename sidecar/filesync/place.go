package filesync

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/fs"

	"github.com/nhctl/nhctl/sidecar/filesync/kept"
)

// place is a synced folder on disk: which folder it is, whether anything may be done in it now, and where lost bytes are kept. The
// model makes file systems for it as it likes.
type place struct {
	root, state string
	kept        *kept.Store
	progress    *progress
	uncarried   *uncarried
	// index is what the engine knows of the files; it is set before the model runs.
	index index

	mu sync.Mutex
	// identity is what the folder was when its index began.
	identity string
	// held is set while a mass deletion waits for a decision.
	held bool
	// before is the number of files before a scan, 0 where nothing is guarded; vanished are the paths that it missed.
	before   int
	vanished map[string]bool
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
	p := &place{root: c.Root, state: c.StateDir, kept: store, progress: newProgress(), uncarried: newUncarried(), vanished: map[string]bool{}, finishing: map[string]bool{},
		judged: map[string]os.FileInfo{}, placed: map[string]os.FileInfo{}, overtaken: map[string]bool{}}
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
	if len(p.vanished) > 0 && p.before > before && before > 0 {
		p.recent = append(p.recent, loss{p.before - before, time.Now()})
	}
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

// lately is how many files went shortly before this scan.
func (p *place) lately() int {
	n := 0
	for _, l := range p.recent {
		n += l.files
	}
	return n
}

func (p *place) finish(temporary string, complete bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.progress.complete(temporary)
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

// keep makes a version of what is about to be replaced or deleted. What the other side made itself is no loss to it: its version
// only passes, unless somebody writes meanwhile.
func (p *place) keep(name string, reason kept.Reason) error {
	info, err := os.Lstat(p.path(name))
	if err != nil || info.IsDir() {
		return nil // nothing to lose; the caller finds out itself
	}
	theirs := reason != kept.Conflict && !p.index.ours(name)
	if theirs {
		reason = kept.Passing
	}
	v, err := p.kept.Keep(p.path(name), name, reason)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.judged[name] = info
	if theirs && v.ID != "" {
		p.passing = append(p.passing, passing{v, info, time.Now()})
	}
	return nil
}

// settle drops the versions from before a time that turned out not to be needed.
func (p *place) settle(before time.Time) {
	p.mu.Lock()
	n := 0
	for n < len(p.passing) && p.passing[n].since.Before(before) {
		n++
	}
	due := p.passing[:n:n]
	p.passing = p.passing[n:]
	p.mu.Unlock()
	for _, v := range due {
		if info, err := p.kept.Stat(v.version); err == nil && same(info, v.info) {
			_ = p.kept.Drop(v.version)
		} else if err == nil {
			_ = p.kept.Settle(v.version)
		}
	}
}

// same says whether a file is still what it was.
func same(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// asJudged says whether a file is the one that may go: between that decision and the deed somebody may have saved another.
func (p *place) asJudged(name string, info os.FileInfo) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	judged, ok := p.judged[name]
	return ok && same(judged, info)
}

// errMeanwhile says that somebody wrote a file while it was about to be changed. The model looks at it anew and tries again.
var errMeanwhile = errors.New("it was changed in the meantime")

// put moves a complete file to its place in one step, and then looks at what was there before.
func (p *place) put(temporary, name string) error {
	from, to := p.path(temporary), p.path(name)
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	for range 3 { // what is there may come and go
		if err = exchange(from, to); err == nil {
			err = p.displace(temporary, name)
			break
		}
		if errors.Is(err, errors.ErrUnsupported) { // what was judged before is kept
			err = os.Rename(from, to)
			break
		}
		if err = moveNew(from, to); !errors.Is(err, iofs.ErrExist) {
			break
		}
	}
	if err == nil {
		p.index.own(name, false)
		p.came(name, info)
	}
	return err
}

// displace removes what was in a file's place.
func (p *place) displace(temporary, name string) error {
	from := p.path(temporary)
	old, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if !old.IsDir() && !p.asJudged(name, old) {
		_, err = p.kept.Keep(from, name, kept.Conflict)
	}
	if err == nil {
		err = os.Remove(from)
	}
	if err != nil { // such as a folder that is not empty after all
		return errors.Join(err, exchange(from, p.path(name)))
	}
	return nil
}

// take removes a file, or moves it to a temporary name, if it is still the one that may go.
func (p *place) take(name, temporary string) error {
	from, to := p.path(name), p.path(temporary)
	if err := os.Rename(from, to); err != nil {
		return err
	}
	info, err := os.Lstat(to)
	if err != nil || p.asJudged(name, info) {
		return err
	}
	if err := moveNew(to, from); err == nil {
		return fmt.Errorf("%s: %w", name, errMeanwhile)
	}
	if _, err := p.kept.Keep(to, name, kept.Conflict); err != nil {
		return err
	}
	return errors.Join(fmt.Errorf("%s: %w", name, errMeanwhile), os.Remove(to))
}

func (p *place) remove(name string) error {
	temporary := fs.TempNameWithPrefix(name, goingPrefix)
	if err := p.take(name, temporary); err != nil {
		return err
	}
	return os.Remove(p.path(temporary))
}

// linkNew is moveNew where the system has no such call.
func linkNew(from, to string) error {
	if err := os.Link(from, to); err != nil {
		return err
	}
	return os.Remove(from)
}

// came remembers how a file is that gets its time next.
func (p *place) came(name string, info os.FileInfo) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.placed[name] = info
}

// overtake says whether a file is no more what came last, and remembers that until it is asked for.
func (p *place) overtake(name string) bool {
	info, err := os.Lstat(p.path(name))
	p.mu.Lock()
	defer p.mu.Unlock()
	placed, ok := p.placed[name]
	delete(p.placed, name)
	if !ok || err != nil || same(placed, info) {
		return false
	}
	p.overtaken[name] = true
	return true
}

func (p *place) wasOvertaken(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.overtaken[name]
	delete(p.overtaken, name)
	return was
}
