package clusterdns

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	// freshTime is how long an answer of the cluster's server is kept, missingTime how long it is that there is none.
	freshTime   = ttl * time.Second
	missingTime = 10 * time.Second
	// maxKept limits the names that are kept.
	maxKept = 4096
)

// ByName asks a server that tells the addresses of a name, and nothing else.
type ByName struct {
	// Resolve returns the addresses of a name. Missing says whether an error of it is that there is none.
	Resolve func(ctx context.Context, name string) ([]netip.Addr, error)
	Missing func(err error) bool
	// Learn is told the addresses: they are the cluster's.
	Learn func(addresses ...netip.Addr)

	mu   sync.Mutex
	kept map[string]kept
}

// kept is an answer that is still good.
type kept struct {
	addresses []netip.Addr
	missing   bool
	until     time.Time
}

// Exchange implements Exchanger.
func (b *ByName) Exchange(ctx context.Context, query []byte, tcp bool) ([]byte, error) {
	q, rcode, ok := parse(query, tcp)
	if !ok || rcode != dnsmessage.RCodeSuccess {
		return nil, errors.New("no question")
	}
	name := strings.ToLower(q.Name.String())
	l := &lookup{kind: q.Type}
	if _, isReverse := reverse(strings.TrimSuffix(name, ".")); isReverse {
		return build(q, reply{rcode: dnsmessage.RCodeNameError}), nil // it knows addresses by names alone
	}
	found, err := b.find(ctx, name)
	if err != nil {
		return nil, err
	}
	if found.missing {
		return build(q, reply{rcode: dnsmessage.RCodeNameError}), nil
	}
	for _, a := range found.addresses {
		l.address(strings.TrimSuffix(name, "."), a)
	}
	return build(q, l.reply), nil
}

// find returns what is kept of a name, or asks.
func (b *ByName) find(ctx context.Context, name string) (kept, error) {
	b.mu.Lock()
	found, ok := b.kept[name]
	b.mu.Unlock()
	if ok && time.Now().Before(found.until) {
		return found, nil
	}
	addresses, err := b.Resolve(ctx, name)
	switch {
	case err != nil && !b.Missing(err):
		return kept{}, err
	case err != nil:
		found = kept{missing: true, until: time.Now().Add(missingTime)}
	default:
		b.Learn(addresses...)
		found = kept{addresses: addresses, until: time.Now().Add(freshTime)}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.kept == nil || len(b.kept) >= maxKept {
		b.kept = map[string]kept{}
	}
	b.kept[name] = found
	return found, nil
}
