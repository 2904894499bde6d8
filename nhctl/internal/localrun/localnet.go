package localrun

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// LocalNetworks lists the networks that this computer is in, as they were at most a few seconds ago.
type LocalNetworks struct {
	mu    sync.Mutex
	read  time.Time
	known []netip.Prefix
}

// Prefixes are the networks.
func (l *LocalNetworks) Prefixes() []netip.Prefix {
	const fresh = 5 * time.Second
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.read) > fresh {
		l.read, l.known = time.Now(), localPrefixes()
	}
	return slices.Clone(l.known)
}

func localPrefixes() []netip.Prefix {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var all []netip.Prefix
	for _, i := range interfaces {
		addresses, err := i.Addrs()
		if err != nil || i.Flags&net.FlagUp == 0 || i.Flags&net.FlagLoopback != 0 {
			continue
		}
		for _, a := range addresses {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().IsGlobalUnicast() {
				all = append(all, p.Masked())
			}
		}
	}
	return all
}

// hasIPv6 says whether this computer has an address of IPv6 by which it may reach others.
func hasIPv6() bool {
	return slices.ContainsFunc(localPrefixes(), func(p netip.Prefix) bool { return p.Addr().Is6() })
}
