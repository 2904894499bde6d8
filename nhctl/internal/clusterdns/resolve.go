package clusterdns

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/nhctl/nhctl/nhctl/internal/clusternet"
)

// from says who knows the answer.
type from int

const (
	fromTable from = iota
	fromCluster
	fromOutside
)

// reply is an answer before it is a message.
type reply struct {
	from                           from
	rcode                          dnsmessage.RCode
	answers, authority, additional []dnsmessage.Resource
	truncated                      bool
	// follow is the name that the last answer stands for, which another server knows.
	follow        string
	followCluster bool
}

// lookup is one question to the table.
type lookup struct {
	table  *clusternet.Table
	domain string
	kind   dnsmessage.Type
	reply
}

// resolve answers a question, its name in lower case without the last dot.
func (s *Server) resolve(table *clusternet.Table, name string, kind dnsmessage.Type) reply {
	l := &lookup{table: table, domain: s.domain, kind: kind}
	l.name(name, 0)
	if l.from == fromTable && l.follow == "" && len(l.answers) == 0 {
		l.authority = []dnsmessage.Resource{l.soa()}
	}
	return l.reply
}

// name answers for a name, which may stand for another.
func (l *lookup) name(name string, depth int) {
	if depth > maxChain {
		l.rcode = dnsmessage.RCodeServerFailure
		return
	}
	if address, ok := reverse(name); ok {
		l.reverse(name, address)
		return
	}
	rest, ok := strings.CutSuffix(name, l.domain)
	if !ok || rest != "" && !strings.HasSuffix(rest, ".") {
		l.elsewhere(fromOutside, name)
		return
	}
	labels := strings.Split(strings.TrimSuffix(rest, "."), ".")
	if rest == "" {
		return // the domain itself: it is there, and has no address
	}
	last := labels[len(labels)-1]
	labels = labels[:len(labels)-1]
	switch last {
	case "svc":
		l.service(name, labels, depth)
	case "pod":
		l.pod(name, labels)
	default:
		l.rcode = dnsmessage.RCodeNameError
	}
}

// elsewhere says that another server knows a name.
func (l *lookup) elsewhere(who from, name string) {
	if len(l.answers) == 0 {
		l.from = who
		return
	}
	l.follow, l.followCluster = name, who == fromCluster
}

// service answers for the names below svc: a namespace, a Service, and what a Service has.
func (l *lookup) service(name string, labels []string, depth int) {
	if len(labels) == 0 {
		return
	}
	namespace := labels[len(labels)-1]
	labels = labels[:len(labels)-1]
	if len(labels) > 3 { // the search list has been put behind a name of elsewhere
		l.rcode = dnsmessage.RCodeNameError
		return
	}
	if !l.table.Knows(namespace) {
		l.elsewhere(fromCluster, name)
		return
	}
	if len(labels) == 0 {
		if !l.table.Exists(namespace) {
			l.rcode = dnsmessage.RCodeNameError
		}
		return
	}
	s := l.table.Service(namespace, labels[len(labels)-1])
	if s == nil {
		l.rcode = dnsmessage.RCodeNameError
		return
	}
	base := s.Name + "." + s.Namespace + ".svc." + l.domain
	switch sub := labels[:len(labels)-1]; {
	case len(sub) == 0 && s.ExternalName != "":
		l.external(name, s, depth)
	case len(sub) == 0:
		l.whole(name, base, s)
	case len(sub) == 1:
		l.endpoint(name, sub[0], s)
	case strings.HasPrefix(sub[0], "_") && strings.HasPrefix(sub[1], "_"):
		l.port(name, base, s, sub[0][1:], sub[1][1:])
	default:
		l.rcode = dnsmessage.RCodeNameError
	}
}

// external answers with the name that a Service stands for.
func (l *lookup) external(name string, s *clusternet.Service, depth int) {
	target := strings.ToLower(strings.TrimSuffix(s.ExternalName, "."))
	to, err := dnsmessage.NewName(target + ".")
	if err != nil || target == "" || !l.add(name, dnsmessage.TypeCNAME, &dnsmessage.CNAMEResource{CNAME: to}) {
		l.rcode = dnsmessage.RCodeServerFailure
		return
	}
	if l.kind == dnsmessage.TypeA || l.kind == dnsmessage.TypeAAAA {
		l.name(target, depth+1)
	}
}

// published are the endpoints that DNS names.
func published(s *clusternet.Service) []clusternet.Endpoint {
	return slices.DeleteFunc(slices.Clone(s.Endpoints), func(e clusternet.Endpoint) bool {
		return !e.Ready && !s.PublishNotReady
	})
}

// whole answers for a Service's own name.
func (l *lookup) whole(name, base string, s *clusternet.Service) {
	switch {
	case l.kind == dnsmessage.TypeSRV:
		for _, p := range s.Ports {
			l.srv(name, base, s, p)
		}
	case s.Headless:
		endpoints := published(s)
		if len(endpoints) == 0 { // as CoreDNS has it
			l.rcode = dnsmessage.RCodeNameError
		}
		for _, e := range endpoints {
			l.address(name, e.Address)
		}
	default:
		for _, a := range s.Addresses {
			l.address(name, a)
		}
	}
}

// endpoint answers for one of a Service's endpoints.
func (l *lookup) endpoint(name, label string, s *clusternet.Service) {
	found := false
	for _, e := range published(s) {
		if endpointLabel(e) == label {
			found = true
			l.address(name, e.Address)
		}
	}
	if !found {
		l.rcode = dnsmessage.RCodeNameError
	}
}

// endpointLabel is an endpoint's name below its Service: its pod's, else its address.
func endpointLabel(e clusternet.Endpoint) string {
	if e.Hostname != "" {
		return e.Hostname
	}
	return strings.NewReplacer(".", "-", ":", "-").Replace(e.Address.String())
}

// port answers for _PORT._PROTOCOL of a Service.
func (l *lookup) port(name, base string, s *clusternet.Service, port, protocol string) {
	for _, p := range s.Ports {
		if p.Name != port || !strings.EqualFold(string(p.Protocol), protocol) {
			continue
		}
		if l.kind == dnsmessage.TypeSRV {
			l.srv(name, base, s, p)
		}
		return
	}
	l.rcode = dnsmessage.RCodeNameError
}

// srv adds the records of a port, with the addresses of those whom they name.
func (l *lookup) srv(name, base string, s *clusternet.Service, p clusternet.Port) {
	add := func(target string, port uint16, addresses ...netip.Addr) {
		to, err := dnsmessage.NewName(target + ".")
		const weight = 100
		body := &dnsmessage.SRVResource{Weight: weight, Port: port, Target: to}
		if err != nil || !l.add(name, dnsmessage.TypeSRV, body) {
			return
		}
		for _, a := range addresses {
			if record, ok := addressRecord(to, a); ok {
				l.additional = append(l.additional, record)
			}
		}
	}
	if !s.Headless {
		add(base, p.Port, s.Addresses...)
		return
	}
	for _, e := range published(s) {
		for _, own := range e.Ports {
			if own.Name == p.Name && own.Protocol == p.Protocol {
				add(endpointLabel(e)+"."+base, own.Port, e.Address)
			}
		}
	}
}

// pod answers for ADDRESS.NAMESPACE.pod, whose address has dashes.
func (l *lookup) pod(name string, labels []string) {
	switch len(labels) {
	case 0:
		return
	case 1:
		if l.table.Knows(labels[0]) && !l.table.Exists(labels[0]) {
			l.rcode = dnsmessage.RCodeNameError
		}
		return
	case 2:
		for _, separator := range []string{".", ":"} {
			a, err := netip.ParseAddr(strings.ReplaceAll(labels[0], "-", separator))
			if err == nil && a.Zone() == "" && l.table.InCluster(a) &&
				(!l.table.Knows(labels[1]) || l.table.Exists(labels[1])) {
				l.address(name, a)
				return
			}
		}
	}
	l.rcode = dnsmessage.RCodeNameError
}

// reverse answers for the name of an address.
func (l *lookup) reverse(name string, address netip.Addr) {
	if !l.table.InCluster(address) {
		l.elsewhere(fromOutside, name)
		return
	}
	var targets []string
	if s := l.table.ServiceAt(address); s != nil {
		targets = append(targets, s.Name+"."+s.Namespace+".svc."+l.domain)
	}
	for _, s := range l.table.EndpointAt(address) {
		for _, e := range published(s) {
			if e.Address == address {
				targets = append(targets, endpointLabel(e)+"."+s.Name+"."+s.Namespace+".svc."+l.domain)
			}
		}
	}
	switch {
	case len(targets) == 0 && !l.table.All():
		l.elsewhere(fromCluster, name)
		return
	case len(targets) == 0:
		l.rcode = dnsmessage.RCodeNameError
		return
	case l.kind != dnsmessage.TypePTR:
		return
	}
	slices.Sort(targets)
	for _, target := range slices.Compact(targets) {
		if to, err := dnsmessage.NewName(target + "."); err == nil {
			l.add(name, dnsmessage.TypePTR, &dnsmessage.PTRResource{PTR: to})
		}
	}
}

// reverse4 and reverse6 end the names of addresses.
const (
	reverse4 = ".in-addr.arpa"
	reverse6 = ".ip6.arpa"
)

// reverse reads the address that a name is about.
func reverse(name string) (netip.Addr, bool) {
	if rest, ok := strings.CutSuffix(name, reverse4); ok {
		labels := strings.Split(rest, ".")
		slices.Reverse(labels)
		a, err := netip.ParseAddr(strings.Join(labels, "."))
		return a, err == nil && a.Is4()
	}
	rest, ok := strings.CutSuffix(name, reverse6)
	digits := strings.Split(rest, ".")
	const nibbles = 32
	if !ok || len(digits) != nibbles {
		return netip.Addr{}, false
	}
	slices.Reverse(digits)
	raw, err := hex.DecodeString(strings.Join(digits, ""))
	if err != nil || len(raw) != nibbles/2 {
		return netip.Addr{}, false
	}
	return netip.AddrFrom16([nibbles / 2]byte(raw)), true
}

// address adds an address of the kind that was asked for.
func (l *lookup) address(name string, a netip.Addr) {
	n, err := dnsmessage.NewName(name + ".")
	if err != nil {
		return
	}
	if record, ok := addressRecord(n, a); ok && len(l.answers) < maxAnswers &&
		(l.kind == record.Header.Type || l.kind == dnsmessage.TypeALL) {
		l.answers = append(l.answers, record)
	}
}

func addressRecord(name dnsmessage.Name, a netip.Addr) (dnsmessage.Resource, bool) {
	h := dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: ttl}
	switch {
	case a.Is4():
		h.Type = dnsmessage.TypeA
		return dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: a.As4()}}, true
	case a.Is6():
		h.Type = dnsmessage.TypeAAAA
		return dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}}, true
	}
	return dnsmessage.Resource{}, false
}

// add adds a record, and says whether it did.
func (l *lookup) add(name string, kind dnsmessage.Type, body dnsmessage.ResourceBody) bool {
	n, err := dnsmessage.NewName(name + ".")
	if err != nil || len(l.answers) >= maxAnswers {
		return false
	}
	l.answers = append(l.answers, dnsmessage.Resource{
		Header: dnsmessage.ResourceHeader{Name: n, Type: kind, Class: dnsmessage.ClassINET, TTL: ttl},
		Body:   body,
	})
	return true
}

// soa says how long it may be remembered that there is no answer.
func (l *lookup) soa() dnsmessage.Resource {
	// A domain that is too long for a name has no answers either.
	domain, _ := dnsmessage.NewName(l.domain + ".")
	server, _ := dnsmessage.NewName("ns.dns." + l.domain + ".")
	mail, _ := dnsmessage.NewName("hostmaster." + l.domain + ".")
	return dnsmessage.Resource{
		Header: dnsmessage.ResourceHeader{
			Name:  domain,
			Type:  dnsmessage.TypeSOA,
			Class: dnsmessage.ClassINET,
			TTL:   ttl,
		},
		Body: &dnsmessage.SOAResource{
			NS:      server,
			MBox:    mail,
			Serial:  1,
			Refresh: 7200,
			Retry:   1800,
			Expire:  86400,
			MinTTL:  ttl,
		},
	}
}
