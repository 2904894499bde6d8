package filesync

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/events"
	"github.com/syncthing/syncthing/lib/model"
	"github.com/syncthing/syncthing/lib/protocol"
)

// Save is a change made here that the other side has.
type Save struct {
	Path string    `json:"path"` // of several, the last
	Time time.Time `json:"time"` // when it was made
	// Seconds passed until the other side had confirmed it.
	Seconds float64 `json:"seconds"`
}

// progress is what goes on at the moment.
type progress struct {
	mu sync.Mutex
	// now are the paths that come in.
	now map[string]bool
	// waiting is a save that the other side has not confirmed, sequence what the index had before it.
	waiting  *Save
	sequence int64
	last     *Save
}

func newProgress() *progress { return &progress{now: map[string]bool{}} }

// hear takes the model's events.
func (p *progress) hear(e events.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch data := e.Data.(type) {
	case map[string]string: // ItemStarted
		if e.Type == events.ItemStarted {
			p.now[data["item"]] = true
		}
	case map[string]interface{}:
		if name, ok := data["item"].(string); ok && e.Type == events.ItemFinished {
			delete(p.now, name)
		}
		if e.Type == events.StateChanged && data["to"] == model.FolderIdle.String() {
			clear(p.now)
		}
	}
}

// tell adds what is known to a status.
func (p *progress) tell(s *Status) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Now = slices.Sorted(maps.Keys(p.now))
	s.Now = s.Now[:min(shown, len(s.Now))]
	s.LastSave = p.last
}

// sequence is the number of the last change that this side knows of, its own and what came in.
func (e *Engine) sequence() (int64, error) {
	snapshot, err := e.model.DBSnapshot(e.config.FolderID)
	if err != nil {
		return 0, err
	}
	defer snapshot.Release()
	return snapshot.Sequence(protocol.LocalDeviceID), nil
}

// savedSince says whether something was changed here since a sequence number, and how many files the other side lacks.
// What came in since then has numbers, too.
func (e *Engine) savedSince(sequence int64) (saved bool, lacks int, err error) {
	snapshot, err := e.model.DBSnapshot(e.config.FolderID)
	if err != nil {
		return false, 0, err
	}
	defer snapshot.Release()
	snapshot.WithHaveSequence(sequence+1, func(f protocol.FileInfo) bool {
		saved = f.ModifiedBy == e.me.Short()
		return !saved
	})
	return saved, snapshot.NeedSize(e.peer()).TotalItems(), nil
}

// scanSaved scans what was saved since a time, and notes when the other side has it.
func (e *Engine) scanSaved(paths []string, since time.Time) error {
	p := e.progress
	before, err := e.sequence()
	if err == nil && e.model.ConnectedTo(e.peer()) {
		p.mu.Lock()
		p.waiting, p.sequence = &Save{Path: paths[len(paths)-1], Time: since}, before
		p.mu.Unlock()
	}
	if err := e.scanFolder(paths...); err != nil {
		return err
	}
	if saved, _, err := e.savedSince(before); err == nil && !saved { // the watcher saw what came in
		p.mu.Lock()
		p.waiting = nil
		p.mu.Unlock()
	}
	return nil
}

// confirmed is called when the other side has told of its files.
func (e *Engine) confirmed() {
	p := e.progress
	p.mu.Lock()
	waiting, sequence := p.waiting, p.sequence
	p.mu.Unlock()
	if waiting == nil {
		return
	}
	if saved, lacks, err := e.savedSince(sequence); err != nil || lacks > 0 || !saved {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting == waiting {
		waiting.Seconds = time.Since(waiting.Time).Seconds()
		p.last, p.waiting = waiting, nil
	}
}
