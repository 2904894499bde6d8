package route

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// Dial connects to the local process of a rule, which is about a port of the agent. What it returns has been taken by
// that process; an error says that nothing was handed over.
type Dial func(ctx context.Context, port int) (net.Conn, error)

// Table has the rules of all computers.
type Table struct {
	// Grace is how long a rule stays whose computer is away.
	Grace time.Duration

	mu    sync.Mutex
	rules map[string]*live
	// sorted are the same without mirrors: those with conditions first, then by id. copying are the mirrors.
	sorted  []*live
	copying []*live
	copies  *budget // of all mirrors
}

// live is a rule in use, over all the carriers that its computer has had.
type live struct {
	Rule
	conditions []condition
	counter    *counter
	budget     *budget // of its copies
	// context ends when the rule goes, or another one takes its place: no connection is kept for it then.
	context context.Context
	end     context.CancelFunc

	mu    sync.Mutex
	dial  Dial      // nil while its computer is away
	open  time.Time // when its local process last took a connection
	timer *time.Timer
}

// Set has a rule there, until away is called and the time of grace is over. A rule of that id that is there already is
// replaced, and its counters go on.
func (t *Table) Set(r Rule, dial Dial) (away func(), err error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	conditions, err := compile(r.Matches)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	l := &live{Rule: r, conditions: conditions, dial: dial, counter: new(counter)}
	l.context, l.end = context.WithCancel(context.Background())
	if before := t.rules[r.ID]; before != nil {
		before.stop()
		l.counter, l.budget, l.open = before.counter, before.budget, before.opened()
	} else if len(t.rules) >= MaxRules {
		l.end()
		return nil, fmt.Errorf("there are %d rules already", len(t.rules))
	}
	if t.rules == nil {
		t.rules = map[string]*live{}
		t.copies = &budget{limit: tableBudget}
	}
	if l.budget == nil {
		l.budget = &budget{limit: mirrorBudget, within: t.copies}
	}
	t.rules[r.ID] = l
	t.sort()
	return func() { t.away(l) }, nil
}

// Remove removes a rule now.
func (t *Table) Remove(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l := t.rules[id]; l != nil {
		l.stop()
		delete(t.rules, id)
		t.sort()
	}
}

func (t *Table) away(l *live) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dial = nil
	l.timer = time.AfterFunc(t.Grace, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.rules[l.ID] == l {
			l.end()
			delete(t.rules, l.ID)
			t.sort()
		}
	})
}

// sort makes the lists again. The caller holds the lock; who has a list before goes on with that.
func (t *Table) sort() {
	var sorted, copying []*live
	for _, l := range t.rules {
		if l.Mirror {
			copying = append(copying, l)
		} else {
			sorted = append(sorted, l)
		}
	}
	slices.SortFunc(sorted, func(a, b *live) int {
		all := func(l *live) int { return cmp.Compare(0, len(l.Matches)) } // -1 for a rule with conditions
		return cmp.Or(cmp.Compare(all(a), all(b)), cmp.Compare(a.ID, b.ID))
	})
	t.sorted, t.copying = sorted, copying
}

func (t *Table) list() (sorted, copying []*live) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sorted, t.copying
}

// choose is the rule that a request on a port is for, or a connection of another protocol, which is no request; nil
// where the originals are to answer. The others on that port are those that it passed by.
func (t *Table) choose(port int, r *request) (chosen *live, passed []*live) {
	sorted, _ := t.list()
	for _, l := range sorted {
		switch {
		case !slices.Contains(l.Ports, port):
		case chosen == nil && l.takes(port, r):
			chosen = l
		default:
			passed = append(passed, l)
		}
	}
	return chosen, passed
}

// mirrors are those that get a copy of a request, or of a connection of another protocol. Upgrades have no copies: what
// follows them is a conversation.
func (t *Table) mirrors(port int, r *request) (all []*live) {
	_, copying := t.list()
	for _, l := range copying {
		switch {
		case !slices.Contains(l.Ports, port):
		case l.takes(port, r) && (r == nil || !r.upgrades()):
			all = append(all, l)
		default:
			l.counter.pass()
		}
	}
	return all
}

// raw says whether connections of a port are taken whole.
func (t *Table) raw(port int) bool {
	sorted, _ := t.list()
	return slices.ContainsFunc(sorted, func(l *live) bool { return l.Raw && slices.Contains(l.Ports, port) })
}

// takes says whether a request on a port is the rule's.
func (l *live) takes(port int, r *request) bool {
	if r == nil {
		return len(l.conditions) == 0
	}
	if !l.All && (r.checksHealth() || r.probes(port, l.Probes)) {
		return false
	}
	for _, c := range l.conditions {
		if !c.trueOf(r) {
			return false
		}
	}
	return true
}

// Report is how the rules are, sorted by their ids.
func (t *Table) Report() []Report {
	all := []Report{}
	for _, l := range slices.Concat(t.list()) {
		report := l.counter.report()
		report.ID = l.ID
		report.Away = l.dialer() == nil
		all = append(all, report)
	}
	slices.SortFunc(all, func(a, b Report) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

func (l *live) stop() {
	l.end()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
	}
}

func (l *live) dialer() Dial {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dial
}

func (l *live) opened() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}

// Timing of connections to a local process.
const (
	// restarted is how long ago a process may have taken a connection to be one that restarts.
	restarted = time.Minute
	// again is the rest between two tries to reach a process that restarts.
	again = 50 * time.Millisecond
	// localLimit limits a try: the computer connects to a process of its own.
	localLimit = 5 * time.Second
)

var errAway = errors.New("its computer is away")

// connect connects to the rule's local process, and waits for one that restarts.
func (l *live) connect(ctx context.Context, port int) (net.Conn, error) {
	begin := time.Now()
	for {
		conn, err := l.try(ctx, port)
		if err == nil {
			l.mu.Lock()
			l.open = time.Now()
			l.mu.Unlock()
			return conn, nil
		}
		hold := time.Duration(l.Hold) * time.Millisecond
		if time.Since(l.opened()) > restarted || time.Since(begin)+again > hold {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(again):
		}
	}
}

func (l *live) try(ctx context.Context, port int) (net.Conn, error) {
	dial := l.dialer()
	if dial == nil {
		return nil, errAway
	}
	ctx, cancel := context.WithTimeout(ctx, localLimit)
	defer cancel()
	return dial(ctx, port)
}
