// Package localnames puts names of a cluster on addresses of this computer's loopback: each Service, and each pod of a
// headless one, has an address of its own with its real ports. It follows the cluster as that changes. It knows the way
// into the cluster by a function that dials, and the hosts file by one that takes lines.
package localnames

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/nhctl/nhctl/nhctl/internal/clusternet"
)

// Selection says which names there are to be.
type Selection struct {
	// Namespaces are those of the Services. Names without a namespace are those of the first.
	Namespaces []string
	// Labels select Services.
	Labels labels.Selector
	// Domain is the cluster's.
	Domain string
}

// Entry is a Service, or a pod of a headless one.
type Entry struct {
	// Names are all by which it is known in the cluster, the longest first.
	Names []string
	Ports []Port
}

// Port is a TCP port that answers in the cluster, with the addresses of which each would do.
type Port struct {
	Port uint16
	To   []netip.AddrPort
}

// key is the name by which an entry is told from others.
func (e Entry) key() string { return e.Names[0] }

// Entries are the names that a cluster has, sorted. Ports without a ready endpoint are left out, as none would answer.
func Entries(t *clusternet.Table, s Selection) []Entry {
	var all []Entry
	for _, service := range t.Services() {
		wanted := slices.Contains(s.Namespaces, service.Namespace) && s.Labels.Matches(labels.Set(service.Labels))
		switch {
		case !wanted, service.ExternalName != "":
		case service.Headless:
			all = append(all, s.headless(service)...)
		default:
			all = append(all, Entry{Names: s.names(service, ""), Ports: clusterPorts(service)})
		}
	}
	slices.SortFunc(all, func(a, b Entry) int { return cmp.Compare(a.key(), b.key()) })
	return all
}

// names are those of a Service, or of a pod of it.
func (s Selection) names(service *clusternet.Service, pod string) []string {
	short := service.Name
	if pod != "" {
		short = pod + "." + short
	}
	qualified := short + "." + service.Namespace
	all := []string{qualified + ".svc." + s.Domain, qualified + ".svc", qualified}
	if service.Namespace == s.Namespaces[0] {
		all = append(all, short)
	}
	return all
}

// clusterPorts are the ports of a Service's own address.
func clusterPorts(service *clusternet.Service) []Port {
	var all []Port
	for _, p := range service.Ports {
		if p.Protocol != clusternet.TCP || !service.Ready(p) || len(service.Addresses) == 0 {
			continue
		}
		all = append(all, Port{Port: p.Port, To: []netip.AddrPort{netip.AddrPortFrom(service.Addresses[0], p.Port)}})
	}
	return all
}

// headless are a Service without an address of its own, and its pods. Ports are the pods' own there.
func (s Selection) headless(service *clusternet.Service) []Entry {
	whole := Entry{Names: s.names(service, "")}
	var all []Entry
	for _, e := range service.Endpoints {
		if !e.Ready && !service.PublishNotReady || !e.Address.IsValid() {
			continue
		}
		pod := Entry{Names: s.names(service, cmp.Or(e.Hostname, dashed(e.Address)))}
		for _, p := range e.Ports {
			if p.Protocol == clusternet.TCP {
				to := netip.AddrPortFrom(e.Address, p.Port)
				pod.add(p.Port, to)
				whole.add(p.Port, to)
			}
		}
		same := func(other Entry) bool { return other.key() == pod.key() }
		if !slices.ContainsFunc(all, same) { // an endpoint may be in two slices for a moment
			all = append(all, pod)
		}
	}
	return append(all, whole)
}

// add adds an address that a port leads to.
func (e *Entry) add(port uint16, to netip.AddrPort) {
	at := slices.IndexFunc(e.Ports, func(p Port) bool { return p.Port == port })
	if at < 0 {
		e.Ports = append(e.Ports, Port{Port: port})
		at = len(e.Ports) - 1
	}
	if !slices.Contains(e.Ports[at].To, to) {
		e.Ports[at].To = append(e.Ports[at].To, to)
	}
}

// dashed is an address as a label of DNS, by which pods without a name of their own are known.
func dashed(a netip.Addr) string {
	return strings.Map(func(r rune) rune {
		if r == '.' || r == ':' {
			return '-'
		}
		return r
	}, a.String())
}
