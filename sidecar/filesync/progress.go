package filesync

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/events"
	"github.com/syncthing/syncthing/lib/model"
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
	// read says whether the folder has been looked at for the first time: what is found from then on was saved.
	read bool
	// look is the last one at what the watcher saw.
	look look
	// waiting is a save that the other side has not confirmed.
	waiting *Save
	last    *Save
}

// look is a scan from begun to ended, zero while it lasts, of what was saved since a time.
type look struct{ since, begun, ended time.Time }

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
		if e.Type == events.StateChanged {
			p.read = p.read || data["from"] == model.FolderScanning.String()
			if data["to"] == model.FolderIdle.String() {
				clear(p.now)
			}
		}
	}
}

// shown is how many paths that are on their way are named.
const shown = 10

// tell adds what is known to a status.
func (p *progress) tell(s *Status) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Now = slices.Sorted(maps.Keys(p.now))
	s.Now = s.Now[:min(shown, len(s.Now))]
	s.LastSave = p.last
}

// saved notes a change that the model has found here.
func (e *Engine) saved(found events.Event) {
	data, _ := found.Data.(map[string]string)
	p := e.progress
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.read && e.model.ConnectedTo(e.peer()) {
		p.waiting = &Save{Path: data["path"], Time: p.look.saved(found.Time)}
	}
}

// saved is when a change was made that was found at a time.
func (l look) saved(found time.Time) time.Time {
	if found.Before(l.begun) || !l.ended.IsZero() && found.After(l.ended) {
		return found // by another scan
	}
	return l.since
}

// scanSaved scans what was saved since a time.
func (e *Engine) scanSaved(paths []string, since time.Time) error {
	p := e.progress
	p.mu.Lock()
	p.look = look{since: since, begun: time.Now()}
	p.mu.Unlock()
	err := e.scanFolder(paths...)
	p.mu.Lock()
	p.look.ended = time.Now()
	p.mu.Unlock()
	return err
}

// confirmed is called when the other side has told of its files.
func (e *Engine) confirmed() {
	p := e.progress
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting == nil {
		return
	}
	snapshot, err := e.model.DBSnapshot(e.config.FolderID)
	if err != nil {
		return
	}
	defer snapshot.Release()
	if snapshot.NeedSize(e.peer()).TotalItems() == 0 {
		p.waiting.Seconds = time.Since(p.waiting.Time).Seconds()
		p.last, p.waiting = p.waiting, nil
	}
}
