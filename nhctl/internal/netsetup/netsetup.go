// Package netsetup is the part of nhctl connect that needs root: a helper process, which is nhctl itself, makes a
// device, routes to it, and names, for the process that has started it and for no other. It carries no packet, and it
// restores all of it when that process ends. It knows nothing of clusters.
package netsetup

import (
	"fmt"
	"net/netip"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/nhctl/nhctl/nhctl/internal/hostsfile"
	"github.com/nhctl/nhctl/nhctl/internal/journal"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// Argument is the first argument of an nhctl that is the helper.
const Argument = "__network"

// DeviceName is how the names of devices begin that the helper makes.
const DeviceName = "nhctl"

// Device is what the device is to be.
type Device struct {
	Addresses []netip.Addr `json:"addresses"`
	MTU       int          `json:"mtu"`
}

// Resolver is who answers for which names.
type Resolver struct {
	// Server answers.
	Server netip.Addr `json:"server"`
	// Search are domains in which names without one are looked for; the server answers for them, too.
	Search []string `json:"search"`
	// Names are others that it answers for.
	Names []string `json:"names,omitempty"`
	// File says that the file resolv.conf is rewritten, since no resolver of this computer takes orders.
	File bool `json:"file,omitempty"`
}

// What orders are about.
const (
	opBegin    = "begin"
	opDevice   = "device"
	opRoutes   = "routes"
	opHosts    = "hosts"
	opResolver = "resolver"
	opEnd      = "end"
)

// order is one of the starter.
type order struct {
	Op       string           `json:"op"`
	Device   *Device          `json:"device,omitempty"`
	Routes   []netip.Prefix   `json:"routes,omitempty"`
	Hosts    []hostsfile.Line `json:"hosts,omitempty"`
	More     bool             `json:"more,omitempty"` // lines for the hosts file
	Resolver *Resolver        `json:"resolver,omitempty"`
}

// answer is the helper's to an order.
type answer struct {
	Problem *problem.Error `json:"problem,omitempty"`
	// Left is what killed processes had left, to opBegin; it is restored.
	Left []journal.Left `json:"left,omitempty"`
	// Name is the device's.
	Name string `json:"name,omitempty"`
}

const (
	// maxRoutes limits the routes of a device.
	maxRoutes = 2048
	// widest4 and widest6 are the largest networks that a route may lead to: never all of the internet.
	widest4, widest6 = 8, 16
	// maxNames limits the names of a resolver.
	maxNames = 256
	// maxMTU is the largest packet's size.
	maxMTU = 65535
)

// check says why an order is not one that nhctl gives. The starter is the user's own process; a mistake there is not
// to cost the computer its network.
func (o order) check() error {
	switch {
	case o.Op == opDevice && o.Device != nil:
		return o.Device.check()
	case o.Op == opRoutes:
		return checkRoutes(o.Routes)
	case o.Op == opHosts:
		return hostsfile.Check(o.Hosts)
	case o.Op == opResolver && o.Resolver != nil:
		return o.Resolver.check()
	case o.Op == opBegin, o.Op == opEnd:
		return nil
	}
	return fmt.Errorf("no order: %q", o.Op)
}

func (d Device) check() error {
	if len(d.Addresses) == 0 || d.MTU < 576 || d.MTU > maxMTU {
		return fmt.Errorf("a device with %d addresses and packets of %d bytes", len(d.Addresses), d.MTU)
	}
	if at := slices.IndexFunc(d.Addresses, func(a netip.Addr) bool { return !routable(a) }); at >= 0 {
		return fmt.Errorf("a device with the address %s", d.Addresses[at])
	}
	return nil
}

func routable(a netip.Addr) bool { return a.IsGlobalUnicast() && !a.Is4In6() && a.Zone() == "" }

func checkRoutes(all []netip.Prefix) error {
	if len(all) > maxRoutes {
		return fmt.Errorf("%d routes: the limit is %d", len(all), maxRoutes)
	}
	for _, p := range all {
		widest := widest6
		if p.Addr().Is4() {
			widest = widest4
		}
		if !p.IsValid() || p.Bits() < widest || !routable(p.Addr()) {
			return fmt.Errorf("a route to %s", p)
		}
	}
	return nil
}

func (r Resolver) check() error {
	if !routable(r.Server) || len(r.Search)+len(r.Names) > maxNames {
		return fmt.Errorf("the server %s with %d names", r.Server, len(r.Search)+len(r.Names))
	}
	for _, name := range slices.Concat(r.Search, r.Names) {
		if len(validation.IsDNS1123Subdomain(name)) > 0 {
			return fmt.Errorf("the server %s for %q", r.Server, name)
		}
	}
	return nil
}
