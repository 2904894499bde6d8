package filesync

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/events"
	"github.com/syncthing/syncthing/lib/fs"
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
	// partial are the bytes of files that are not complete, by temporary name; total are all that ever came.
	partial map[string]int64
	total   int64
	samples []sample
}

type sample struct {
	at    time.Time
	total int64
}

// The rate is that of a window, which has a sample at each interval.
const (
	rateWindow   = 3 * time.Second
	rateInterval = 100 * time.Millisecond
)

func newProgress() *progress {
	return &progress{now: map[string]bool{}, partial: map[string]int64{}}
}

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

// received counts bytes that came for a file.
func (p *progress) received(temporary string, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if len(p.samples) == 0 || now.Sub(p.samples[len(p.samples)-1].at) > rateInterval {
		p.samples = slices.DeleteFunc(p.samples, func(s sample) bool { return now.Sub(s.at) > rateWindow })
		p.samples = append(p.samples, sample{now, p.total})
	}
	p.partial[temporary] += int64(n)
	p.total += int64(n)
}

// complete forgets a file that has all its bytes, or that is given up.
func (p *progress) complete(temporary string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.partial, temporary)
}

// tell adds what is known to a status.
func (p *progress) tell(s *Status) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Now = slices.Sorted(maps.Keys(p.now))
	s.Now = s.Now[:min(shown, len(s.Now))]
	s.LastSave = p.last
	for _, n := range p.partial {
		s.NeedBytes = max(0, s.NeedBytes-n)
	}
	if len(p.samples) == 0 || time.Since(p.samples[len(p.samples)-1].at) > rateWindow {
		return
	}
	if first := p.samples[0]; time.Since(first.at) > rateInterval {
		s.Rate = float64(p.total-first.total) / time.Since(first.at).Seconds()
	}
}

// incoming is a file that is coming in.
type incoming struct {
	fs.File
	name     string
	progress *progress
}

func (f *incoming) WriteAt(data []byte, at int64) (int, error) {
	n, err := f.File.WriteAt(data, at)
	f.progress.received(f.name, n)
	return n, err
}

// sequences are the number of this side's last change, and how much the other side lacks.
func (e *Engine) sequences() (own int64, lacks int, err error) {
	snapshot, err := e.model.DBSnapshot(e.config.FolderID)
	if err != nil {
		return 0, 0, err
	}
	defer snapshot.Release()
	return snapshot.Sequence(protocol.LocalDeviceID), snapshot.NeedSize(e.peer()).TotalItems(), nil
}

// scanSaved scans what was saved since a time, and notes when the other side has it.
func (e *Engine) scanSaved(paths []string, since time.Time) error {
	p := e.place.progress
	before, _, err := e.sequences()
	if err == nil && e.model.ConnectedTo(e.peer()) {
		p.mu.Lock()
		p.waiting, p.sequence = &Save{Path: paths[len(paths)-1], Time: since}, before
		p.mu.Unlock()
	}
	if err := e.scanFolder(paths...); err != nil {
		return err
	}
	if after, _, err := e.sequences(); err == nil && after == before { // nothing was saved after all
		p.mu.Lock()
		p.waiting = nil
		p.mu.Unlock()
	}
	return nil
}

// confirmed is called when the other side has told of its files.
func (e *Engine) confirmed() {
	p := e.place.progress
	p.mu.Lock()
	waiting, sequence := p.waiting, p.sequence
	p.mu.Unlock()
	if waiting == nil {
		return
	}
	if own, lacks, err := e.sequences(); err != nil || lacks > 0 || own == sequence {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting == waiting {
		waiting.Seconds = time.Since(waiting.Time).Seconds()
		p.last, p.waiting = waiting, nil
	}
}
