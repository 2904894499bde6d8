// Package clusternet knows a cluster's network as far as the API server shows it: Services, their ports and endpoints,
// and the addresses that belong to the cluster. It makes no connection and answers no DNS. A Table is pure; a Source
// keeps one up to date.
package clusternet

import (
	"cmp"
	"net/netip"
	"slices"
)

// Protocol is one of Kubernetes' protocols of a port.
type Protocol string

// The protocols that a process in the cluster's network can use through nhctl.
const (
	TCP Protocol = "TCP"
	UDP Protocol = "UDP"
)

// Verdict says what becomes of a connection to an address.
type Verdict int

const (
	// Outside is no address of the cluster: the computer's own network has it.
	Outside Verdict = iota
	// Refused is a Service's address where nothing can answer: no such port, or no ready endpoint.
	Refused
	// Ready is a Service's port with ready endpoints.
	Ready
	// Unknown is an address of the cluster of which only the far end can tell whether it answers.
	Unknown
)

func (v Verdict) String() string { return [...]string{"outside", "refused", "ready", "unknown"}[v] }

// Port is a port of a Service, or of its endpoints.
type Port struct {
	Name     string
	Protocol Protocol
	Port     uint16
}

// Endpoint is an address behind a Service.
type Endpoint struct {
	Address netip.Addr
	// Hostname is the name below the Service's name, where the pod has one, as those of StatefulSets have.
	Hostname string
	Ready    bool
	// Ports are those of the pod, by the names of the Service's.
	Ports []Port
}

// Service is a Service with its endpoints.
type Service struct {
	Namespace, Name string
	Labels          map[string]string
	// Addresses are the cluster IPs; none where the Service is headless or a name.
	Addresses []netip.Addr
	Headless  bool
	// ExternalName is the name that the Service stands for, if any.
	ExternalName string
	// PublishNotReady says that DNS answers with endpoints that are not ready, too.
	PublishNotReady bool
	Ports           []Port
	Endpoints       []Endpoint
}

// Ready says whether an endpoint can take a connection to a port of the Service. Endpoints have ports by name alone.
func (s *Service) Ready(port Port) bool {
	return slices.ContainsFunc(s.Endpoints, func(e Endpoint) bool {
		return e.Ready && slices.ContainsFunc(e.Ports, func(p Port) bool {
			return p.Name == port.Name && p.Protocol == port.Protocol
		})
	})
}

// Facts are what is known of a cluster.
type Facts struct {
	Services []Service
	// Namespaces are those whose Services are known; All says that these are all there are.
	Namespaces []string
	All        bool
	// Addresses are others of the cluster: of pods, and of Services that can't be listed.
	Addresses []netip.Addr
	// ServiceRanges are the cluster's own statement of its Services' addresses, where it can be read.
	ServiceRanges []netip.Prefix
	// Local are the computer's own networks. They win over a range, which is a guess, but not over an address.
	Local []netip.Prefix
	// Also and Never are what the user has said: what is the cluster's in any case, and what never is. The longest one
	// that has an address decides; of two that are the same, Never does.
	Also, Never []netip.Prefix
}

// name is what a Service is found by.
type name struct{ namespace, service string }

// Table answers questions about a cluster's network. It never changes.
type Table struct {
	byName     map[name]*Service
	byAddress  map[netip.Addr]*Service // cluster IPs
	endpoints  map[netip.Addr][]*Service
	addresses  map[netip.Addr]bool
	namespaces map[string]bool
	all        bool
	ranges     []netip.Prefix
	local      []netip.Prefix
	rules      []rule
}

// New makes a table of facts. Those whose form is wrong have no place in it.
func New(f Facts) *Table {
	t := &Table{
		byName:     map[name]*Service{},
		byAddress:  map[netip.Addr]*Service{},
		endpoints:  map[netip.Addr][]*Service{},
		addresses:  map[netip.Addr]bool{},
		namespaces: map[string]bool{},
		all:        f.All,
		local:      f.Local,
		rules:      rulesOf(f.Also, f.Never),
	}
	for _, namespace := range f.Namespaces {
		t.namespaces[namespace] = true
	}
	var services, pods []netip.Addr
	for i := range f.Services {
		s := &f.Services[i]
		t.namespaces[s.Namespace] = true
		t.byName[name{s.Namespace, s.Name}] = s
		for _, address := range s.Addresses {
			if usable(address) {
				t.byAddress[address] = s
				services = append(services, address)
			}
		}
		for _, e := range s.Endpoints {
			if usable(e.Address) {
				t.endpoints[e.Address] = append(t.endpoints[e.Address], s)
				// Whoever may write EndpointSlices can name any address: such an entry makes no range, and takes the
				// computer neither its own networks nor the internet.
				if inner(e.Address) && !slices.ContainsFunc(f.Local, containing(e.Address)) {
					t.addresses[e.Address] = true
				}
			}
		}
	}
	for _, address := range f.Addresses {
		if usable(address) {
			t.addresses[address] = true
			pods = append(pods, address)
		}
	}
	t.ranges = ranges(f.ServiceRanges, services, pods)
	return t
}

// usable says whether an address can be one of a cluster's network: no loopback, link or group, which have a meaning of
// their own on each computer.
func usable(a netip.Addr) bool {
	return a.IsValid() && a.IsGlobalUnicast() && !a.Is4In6()
}

// inner says whether an address is one that the internet does not lead to: private ones, and others that clusters use,
// which are those of carriers (100.64.0.0/10), of benchmarks (198.18.0.0/15), and of the future (240.0.0.0/4).
func inner(a netip.Addr) bool {
	others := [...]netip.Prefix{
		netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10),
		netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18}), 15),
		netip.PrefixFrom(netip.AddrFrom4([4]byte{240}), 4),
	}
	return usable(a) && (a.IsPrivate() || slices.ContainsFunc(others[:], containing(a)))
}

func containing(a netip.Addr) func(netip.Prefix) bool {
	return func(p netip.Prefix) bool { return p.Contains(a) }
}

// wide is how much of a cluster's network one address stands for: most clusters have larger ranges, and few smaller.
const (
	wide4 = 16
	wide6 = 64
)

// ranges are the networks of a cluster: what it says of itself, and else what its addresses lie in. Addresses that the
// internet knows stand for themselves.
func ranges(stated []netip.Prefix, lists ...[]netip.Addr) []netip.Prefix {
	var all []netip.Prefix
	for _, p := range stated {
		if usable(p.Masked().Addr()) && p.Bits() >= 8 {
			all = append(all, p.Masked())
		}
	}
	for _, addresses := range lists {
		for _, a := range addresses {
			if !inner(a) {
				continue
			}
			bits := wide4
			if a.Is6() {
				bits = wide6
			}
			if p, err := a.Prefix(bits); err == nil && !slices.ContainsFunc(all, containing(a)) {
				all = append(all, p)
			}
		}
	}
	slices.SortFunc(all, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	return slices.Compact(all)
}

// Ranges are the cluster's networks, sorted.
func (t *Table) Ranges() []netip.Prefix { return slices.Clone(t.ranges) }

// Judge says what becomes of a connection to an address.
func (t *Table) Judge(protocol Protocol, to netip.AddrPort) Verdict {
	address := to.Addr().Unmap()
	s, ok := t.byAddress[address]
	also, ruled := t.ruled(address)
	switch {
	case ruled && !also:
		return Outside
	case ok:
		port := slices.IndexFunc(s.Ports, func(p Port) bool { return p.Port == to.Port() && p.Protocol == protocol })
		if port < 0 || !s.Ready(s.Ports[port]) {
			return Refused
		}
		return Ready
	case t.InCluster(address):
		return Unknown
	}
	return Outside
}

// InCluster says whether an address is one of the cluster's.
func (t *Table) InCluster(address netip.Addr) bool {
	address = address.Unmap()
	if also, ruled := t.ruled(address); ruled {
		return also
	}
	if t.addresses[address] || t.byAddress[address] != nil {
		return true
	}
	in := -1
	for _, p := range t.ranges {
		if p.Contains(address) {
			in = max(in, p.Bits())
		}
	}
	if in < 0 {
		return false
	}
	return !slices.ContainsFunc(t.local, func(p netip.Prefix) bool { return p.Contains(address) && p.Bits() >= in })
}

// Service finds a Service by its name; nil when none is known.
func (t *Table) Service(namespace, service string) *Service {
	return t.byName[name{namespace, service}]
}

// Services lists the Services, by namespace and name.
func (t *Table) Services() []*Service {
	all := make([]*Service, 0, len(t.byName))
	for _, s := range t.byName {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *Service) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// ServiceAt finds the Service that has a cluster IP; nil when none is known.
func (t *Table) ServiceAt(address netip.Addr) *Service { return t.byAddress[address.Unmap()] }

// EndpointAt lists the headless Services with an endpoint at an address.
func (t *Table) EndpointAt(address netip.Addr) []*Service {
	var all []*Service
	for _, s := range t.endpoints[address.Unmap()] {
		if s.Headless && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// Knows says whether the table has every Service of a namespace, so that one that it lacks does not exist.
func (t *Table) Knows(namespace string) bool { return t.all || t.namespaces[namespace] }

// Exists says whether a namespace has a Service, or is known for another reason.
func (t *Table) Exists(namespace string) bool { return t.namespaces[namespace] }

// All says whether the table has the Services of all namespaces.
func (t *Table) All() bool { return t.all }

// IPv6 says whether the cluster has addresses of IPv6.
func (t *Table) IPv6() bool {
	return slices.ContainsFunc(t.ranges, func(p netip.Prefix) bool { return p.Addr().Is6() })
}
