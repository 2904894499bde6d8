package tunnel

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/loopback"
)

// PortOwner names the process that listens on a port, as far as this user may see it.
func PortOwner(port int) string {
	return owner(func(a netip.AddrPort) bool { return int(a.Port()) == port })
}

// AddressOwner names the process that keeps others from listening at an address, as far as this user may see it.
func AddressOwner(at netip.AddrPort) string {
	return owner(func(a netip.AddrPort) bool {
		return a.Port() == at.Port() && (a.Addr() == at.Addr() || a.Addr().IsUnspecified())
	})
}

func owner(match func(netip.AddrPort) bool) string {
	sockets, err := loopback.Listening("/proc/self/net")
	at := slices.IndexFunc(sockets, func(s loopback.Socket) bool { return match(s.Address) })
	if err != nil || at < 0 {
		return ""
	}
	want := fmt.Sprintf("socket:[%d]", sockets[at].Inode)
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && target == want {
			dir := filepath.Dir(filepath.Dir(link))
			name, _ := os.ReadFile(filepath.Join(dir, "comm"))
			return fmt.Sprintf("%s (process %s)", strings.TrimSpace(string(name)), filepath.Base(dir))
		}
	}
	return ""
}
