package route

import (
	"bytes"
	"context"
	"crypto/sha256"
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
	// Sticky has each client come to the same original, as long as that is ready.
	Sticky bool
	// Dial connects to them; nil means by the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

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

// tries is how many originals are tried for a request, besides the fallback.
const tries = 3

// order is the order in which originals are tried for a client. The fallback is the last, or the first where those that
// are known may be gone.
func (o *Originals) order(port int, client string) []string {
	o.mu.Lock()
	known, stale := o.known[port], o.stale
	o.mu.Unlock()
	var all []string
	if o.Sticky {
		all = ranked(known, client)
	} else {
		all = o.following(known)
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

// following begins with the next one at each call, whoever asks: requests are balanced, and not connections.
func (o *Originals) following(known []string) (all []string) {
	if n := len(known); n > 0 {
		first := int(o.next.Add(1) % uint64(n))
		for i := range min(tries, n) {
			all = append(all, known[(first+i)%n])
		}
	}
	return all
}

// ranked are the originals in an order of the client's own, which does not depend on which others there are: one that
// goes moves its clients alone, and one that comes takes only its own.
func ranked(known []string, client string) []string {
	type rank struct {
		address string
		score   [sha256.Size]byte
	}
	var all []rank
	for _, address := range known {
		all = append(all, rank{address, sha256.Sum256([]byte(client + "\x00" + address))})
	}
	slices.SortFunc(all, func(a, b rank) int { return bytes.Compare(a.score[:], b.score[:]) })
	var first []string
	for _, r := range all[:min(tries, len(all))] {
		first = append(first, r.address)
	}
	return first
}

var errNoOriginal = errors.New("no original is known")

// dial connects to one address.
func (o *Originals) dial(ctx context.Context, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, originalLimit)
	defer cancel()
	if o.Dial == nil {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	return o.Dial(ctx, "tcp", address)
}
