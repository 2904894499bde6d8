package agent

import (
	"sync"
	"time"
)

// presence counts carriers, and says when there was none for a while.
type presence struct {
	mu       sync.Mutex
	carriers int
	linger   time.Duration
	timer    *time.Timer
}

// newPresence begins without carriers.
func newPresence(linger time.Duration, over func()) *presence {
	p := &presence{linger: linger}
	p.timer = time.AfterFunc(linger, func() {
		p.mu.Lock()
		none := p.carriers == 0
		p.mu.Unlock()
		if none {
			over()
		}
	})
	return p
}

// up counts a carrier, until down is called.
func (p *presence) up() (down func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.carriers++
	p.timer.Stop()
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.carriers--; p.carriers == 0 {
			p.timer.Reset(p.linger)
		}
	}
}

func (p *presence) stop() { p.timer.Stop() }

// there says whether there is a carrier.
func (p *presence) there() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.carriers > 0
}

// again says once more that there was none, after a while.
func (p *presence) again(after time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.carriers == 0 {
		p.timer.Reset(after)
	}
}
