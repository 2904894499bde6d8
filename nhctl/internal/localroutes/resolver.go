package localroutes

import (
	"net/netip"
	"os"
	"os/exec"
	"slices"

	"github.com/nhctl/nhctl/nhctl/internal/clusterdns"
	"github.com/nhctl/nhctl/nhctl/internal/clusternet"
)

const resolvConf = "/etc/resolv.conf"

// Servers are this computer's name servers.
func Servers() []netip.AddrPort { return clusterdns.ReadResolvConf(resolvConf).Servers }

// All lists the networks, and the name servers among them.
func All() []clusternet.Local { return append(List(), NameServers(Servers())...) }

// Resolved says whether systemd-resolved answers this computer's questions, and takes orders.
func Resolved() bool {
	if _, err := exec.LookPath("resolvectl"); err != nil {
		return false
	}
	if _, err := os.Stat("/run/systemd/resolve"); err != nil {
		return false
	}
	return stub(Servers())
}

// stub says whether one of some servers is systemd-resolved's own.
func stub(servers []netip.AddrPort) bool {
	return slices.ContainsFunc(servers, func(s netip.AddrPort) bool {
		a := s.Addr()
		return a == netip.AddrFrom4([4]byte{127, 0, 0, 53}) || a == netip.AddrFrom4([4]byte{127, 0, 0, 54})
	})
}
