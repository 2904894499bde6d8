package folderfs

import (
	"slices"
	"time"

	"github.com/syncthing/syncthing/lib/fs"
	"github.com/syncthing/syncthing/lib/protocol"
)

// Deletions judges how much of the folder may be gone at once.
type Deletions interface {
	// Known is how many files the index has, 0 where nothing is guarded.
	Known() int
	// Excessive says whether that many gone are worth a look.
	Excessive(known, gone int) bool
	// Judge says whether the scan must not go on; before is how many went lately.
	Judge(known, before int) bool
}

// together is within which time deletions count as one, unless Options say otherwise: who deletes on and on is asked,
// too.
const together = 10 * time.Second

// counted is up to how many paths that are gone are noted: of more, the number does not matter, and Judge counts what
// is left.
const counted = 3

// scan is what the present scan has found to be gone, and those before it.
type scan struct {
	// before is the number of files before it, 0 where nothing is guarded; vanished are the paths that it missed.
	before   int
	vanished map[string]bool
	// excused are the files that it misses because version control took them away.
	excused map[string]bool
	// recent are the deletions of the scans before it.
	recent []loss
}

func newScan() scan { return scan{vanished: map[string]bool{}, excused: map[string]bool{}} }

// loss is how many files a scan found deleted, less those that were new.
type loss struct {
	files int
	at    time.Time
}

// Hold keeps the model from going on while a mass deletion waits for a decision.
func (f *Folder) Hold(held bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held = held
	clear(f.scan.vanished)
	f.scan.recent, f.scan.before = nil, 0
}

// begin is called when the model begins a scan or a pull. What a pull left is forgotten: a complete file that did not
// take its place after all.
func (f *Folder) begin() {
	before := 0
	if f.deletions != nil { // the model runs
		before = f.deletions.Known()
	}
	f.Settle(time.Now().Add(-grace))
	f.mu.Lock()
	defer f.mu.Unlock()
	if lost := f.scan.before - before - len(f.scan.excused); len(f.scan.vanished) > 0 && lost > 0 && before > 0 {
		f.scan.recent = append(f.scan.recent, loss{lost, time.Now()})
	}
	clear(f.scan.excused)
	f.scan.recent = slices.DeleteFunc(f.scan.recent, func(l loss) bool { return time.Since(l.at) > f.together })
	f.scan.before = before
	clear(f.scan.vanished)
	clear(f.finishing)
	clear(f.judged)
	clear(f.placed)
	clear(f.overtaken)
}

// miss notes a path that is gone, though the index has it.
func (f *Folder) miss(name string) {
	f.mu.Lock()
	// of more, the number does not matter: judge counts what is left
	watched := f.scan.before > 0 && len(f.scan.vanished) <= counted
	f.mu.Unlock()
	if watched && !fs.IsTemporary(name) && f.knows(name) {
		f.mu.Lock()
		f.scan.vanished[name] = true
		f.mu.Unlock()
	}
}

// knows says whether the index has a file.
func (f *Folder) knows(name string) bool {
	entry := f.index.Entry(name)
	return entry != nil && entry.Type == protocol.FileInfoTypeFile
}

// usable says whether the model may go on, before it writes down what a scan has found.
func (f *Folder) usable() bool {
	if !f.present() {
		return false
	}
	f.mu.Lock()
	held, known, before, gone := f.held, f.scan.before, f.lately(), len(f.scan.vanished)
	f.mu.Unlock()
	doubtful := known > 0 && (gone > counted || gone > 0 && f.deletions.Excessive(known+before, gone+before))
	return !held && (!doubtful || !f.deletions.Judge(known, before))
}

// Excuse notes files that are gone for a reason, and returns how many those are of this scan.
func (f *Folder) Excuse(names []string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, name := range names {
		f.scan.excused[name] = true
	}
	return len(f.scan.excused)
}

// lately is how many files went shortly before this scan.
func (f *Folder) lately() int {
	n := 0
	for _, l := range f.scan.recent {
		n += l.files
	}
	return n
}
