//go:build !linux

package localroutes

import (
	"net"
	"net/netip"

	"github.com/nhctl/nhctl/nhctl/internal/clusternet"
)

// List lists the networks that this computer has an address in.
func List() []clusternet.Local {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var all []clusternet.Local
	for _, i := range interfaces {
		addresses, err := i.Addrs()
		if err != nil || i.Flags&net.FlagUp == 0 || i.Flags&net.FlagLoopback != 0 {
			continue
		}
		for _, a := range addresses {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				add(&all, p, i.Name)
			}
		}
	}
	return all
}
