//go:build !linux

package tunnel

import "net/netip"

// PortOwner is not known on this system.
func PortOwner(int) string { return "" }

// AddressOwner is not known on this system.
func AddressOwner(netip.AddrPort) string { return "" }
