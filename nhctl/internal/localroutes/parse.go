// Package localroutes lists the networks that this computer reaches by itself, VPNs included. It changes nothing.
package localroutes

import (
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/clusternet"
	"github.com/nhctl/nhctl/nhctl/internal/netsetup"
)

// parse4 reads a table as /proc/net/route has it.
func parse4(table string) []clusternet.Local {
	var all []clusternet.Local
	const device, destination, flags, mask = 0, 1, 3, 7
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) <= mask {
			continue
		}
		to, err := hex.DecodeString(fields[destination])
		m, bad := strconv.ParseUint(fields[mask], 16, 32)
		if err != nil || bad != nil || len(to) != 4 || !up(fields[flags]) {
			continue
		}
		var raw [4]byte
		binary.NativeEndian.PutUint32(raw[:], binary.BigEndian.Uint32(to))
		add(&all, netip.PrefixFrom(netip.AddrFrom4(raw), bits.OnesCount64(m)), fields[device])
	}
	return all
}

// parse6 reads a table as /proc/net/ipv6_route has it.
func parse6(table string) []clusternet.Local {
	var all []clusternet.Local
	const destination, length, flags, device = 0, 1, 8, 9
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) <= device {
			continue
		}
		to, err := hex.DecodeString(fields[destination])
		n, bad := strconv.ParseUint(fields[length], 16, 8)
		a, ok := netip.AddrFromSlice(to)
		if err != nil || bad != nil || !ok || !up(fields[flags]) {
			continue
		}
		add(&all, netip.PrefixFrom(a, int(n)), fields[device])
	}
	return all
}

// up says whether a route is used: one that rejects packets is none.
func up(flags string) bool {
	const used, reject = 0x1, 0x200
	n, err := strconv.ParseUint(flags, 16, 32)
	return err == nil && n&used != 0 && n&reject == 0
}

// add adds a network that may collide with another one: not those of one link or this computer alone, nor nhctl's own.
func add(all *[]clusternet.Local, p netip.Prefix, device string) {
	a := p.Addr()
	if !p.IsValid() || p.Bits() == 0 || device == "lo" || strings.HasPrefix(device, netsetup.DeviceName) ||
		a.IsLoopback() || a.IsMulticast() || a.IsLinkLocalUnicast() {
		return
	}
	*all = append(*all, clusternet.Local{Network: p.Masked(), By: "device " + device})
}

// tunnels are how the names of devices begin that VPNs make.
func tunnels() []string {
	return []string{
		"tun", "tap", "wg", "utun", "ppp", "ipsec", "tailscale", "zt", "cscotun", "gpd", "vpn", "proton", "nordlynx",
	}
}

// VPN says whether a network is reached by a device that looks like a VPN's.
func VPN(l clusternet.Local) bool {
	name, ok := strings.CutPrefix(l.By, "device ")
	if !ok {
		return false
	}
	for _, prefix := range tunnels() {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// NameServers are name servers as networks of one.
func NameServers(servers []netip.AddrPort) []clusternet.Local {
	var all []clusternet.Local
	for _, s := range servers {
		for _, p := range clusternet.Single(s.Addr().WithZone("")) {
			if !p.Addr().IsLoopback() {
				all = append(all, clusternet.Local{Network: p, By: "name server"})
			}
		}
	}
	return all
}
