package route

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// MaxOriginals is how many addresses of originals are known at most for a port.
const MaxOriginals = 1000

// originalLimit limits one try to connect to an original.
const originalLimit = 3 * time.Second

// Originals are the addresses that answered before.
type Originals struct {
	// Fallback has for each port of the agent an address that leads to any of the ready originals, whoever is away.
	Fallback map[int]string
	// Dialer connects to them.
	Dialer net.Dialer

	next atomic.Uint64

	mu    sync.Mutex
	known map[int][]string
	stale bool
}

// Set says which originals are ready now, by the agent's ports. Without any for a port, the fallback alone is used.
func (o *Originals) Set(known map[int][]string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.known, o.stale = known, false
}

// Stale says that no one says any more which originals are ready: the fallback knows better, as long as there is one.
func (o *Originals) Stale() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stale = true
}

// order is the order in which originals are tried: each call begins with the next one. The fallback is the last, or the
// first where those that are known may be gone.
func (o *Originals) order(port int) []string {
	o.mu.Lock()
	known, stale := o.known[port], o.stale
	o.mu.Unlock()
	const tries = 3
	var all []string
	if n := len(known); n > 0 {
		first := int(o.next.Add(1) % uint64(n))
		for i := range min(tries, n) {
			all = append(all, known[(first+i)%n])
		}
	}
	address := o.Fallback[port]
	switch {
	case address == "" || slices.Contains(all, address):
	case stale:
		all = append([]string{address}, all...)
	default:
		all = append(all, address)
	}
	return all
}

var errNoOriginal = errors.New("no original is known")

// dial connects to one address.
func (o *Originals) dial(ctx context.Context, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, originalLimit)
	defer cancel()
	return o.Dialer.DialContext(ctx, "tcp", address)
}
