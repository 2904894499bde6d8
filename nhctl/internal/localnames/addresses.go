package localnames

import (
	"hash/fnv"
	"net/netip"
)

// first and count are the addresses that entries get: 127.1.0.0 to 127.254.255.255. Those below 127.1 are the
// computer's own.
const (
	first = 127<<24 | 1<<16
	count = 254 << 16
)

// candidates lists addresses for an entry, the same ones for the same name each time, as far as they are free.
func candidates(key string, most int, taken func(netip.Addr) bool) []netip.Addr {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key))
	var all []netip.Addr
	for i := uint32(0); i < count && len(all) < most; i++ {
		n := first + (h.Sum32()%count+i)%count
		a := netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		if !taken(a) {
			all = append(all, a)
		}
	}
	return all
}
