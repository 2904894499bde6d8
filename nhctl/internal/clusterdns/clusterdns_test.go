package clusterdns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/nhctl/nhctl/nhctl/internal/clusternet"
)

func addr(word string) netip.Addr { return netip.MustParseAddr(word) }

// shop is what is known of a cluster: the namespace shop, and others where all says so.
func shop(all bool) *clusternet.Table {
	http := []clusternet.Port{{Name: "http", Protocol: clusternet.TCP, Port: 8080}}
	return clusternet.New(clusternet.Facts{
		Namespaces: []string{"shop"},
		All:        all,
		Services: []clusternet.Service{
			{
				Namespace: "shop", Name: "web", Addresses: []netip.Addr{addr("10.96.0.10")},
				Ports: []clusternet.Port{
					{Name: "http", Protocol: clusternet.TCP, Port: 80},
					{Name: "dns", Protocol: clusternet.UDP, Port: 53},
				},
				Endpoints: []clusternet.Endpoint{{Address: addr("10.244.0.5"), Ready: true, Ports: http}},
			},
			{Namespace: "shop", Name: "both", Addresses: []netip.Addr{addr("10.96.0.12"), addr("fd00:96::12")}},
			{
				Namespace: "shop", Name: "db", Headless: true,
				Ports: []clusternet.Port{{Name: "sql", Protocol: clusternet.TCP, Port: 5432}},
				Endpoints: []clusternet.Endpoint{
					{Address: addr("10.244.0.7"), Hostname: "db-0", Ready: true,
						Ports: []clusternet.Port{{Name: "sql", Protocol: clusternet.TCP, Port: 15432}}},
					{Address: addr("10.244.0.8"), Hostname: "db-1"},
					{Address: addr("10.244.0.9"), Ready: true,
						Ports: []clusternet.Port{{Name: "sql", Protocol: clusternet.TCP, Port: 15432}}},
				},
			},
			{Namespace: "shop", Name: "idle", Headless: true},
			{Namespace: "shop", Name: "early", Headless: true, PublishNotReady: true,
				Endpoints: []clusternet.Endpoint{{Address: addr("10.244.0.20"), Hostname: "early-0"}}},
			{Namespace: "shop", Name: "bank", ExternalName: "Pay.Example.COM."},
			{Namespace: "shop", Name: "alias", ExternalName: "web.shop.svc.cluster.local"},
			{Namespace: "shop", Name: "alias2", ExternalName: "alias.shop.svc.cluster.local"},
			{Namespace: "shop", Name: "loop", ExternalName: "loop.shop.svc.cluster.local"},
			{Namespace: "shop", Name: "far", ExternalName: "api.hidden.svc.cluster.local"},
			{Namespace: "shop", Name: "broken", ExternalName: strings.Repeat("a", 300)},
		},
		Addresses: []netip.Addr{addr("10.244.0.5")},
	})
}

// other is another server: it answers with its own name, and notes what it was asked.
type other struct {
	name  string
	asked []string
	fail  error
	alter func(*dnsmessage.Message)
}

func (o *other) Exchange(_ context.Context, query []byte, tcp bool) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	q := m.Questions[0]
	o.asked = append(o.asked, fmt.Sprintf("%s %s %t", q.Name, strings.TrimPrefix(q.Type.String(), "Type"), tcp))
	if o.fail != nil {
		return nil, o.fail
	}
	m.Response, m.Additionals = true, nil
	addresses := map[string][4]byte{"cluster": {10, 97, 0, 1}, "outside": {203, 0, 113, 1}}
	m.Answers = []dnsmessage.Resource{{
		Header: dnsmessage.ResourceHeader{Name: q.Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET, TTL: 60},
		Body:   &dnsmessage.AResource{A: addresses[o.name]},
	}}
	if o.alter != nil {
		o.alter(&m)
	}
	return m.Pack()
}

// servers are a server and the others that it may ask.
type servers struct {
	*Server
	cluster, outside *other
}

func server(all bool) servers {
	table := shop(all)
	s := servers{cluster: &other{name: "cluster"}, outside: &other{name: "outside"}}
	s.Server = New(Options{
		Table:   func() *clusternet.Table { return table },
		Domain:  "cluster.local",
		Cluster: s.cluster,
		Outside: s.outside,
	})
	return s
}

func query(t testing.TB, name string, kind dnsmessage.Type, change func(*dnsmessage.Message)) []byte {
	t.Helper()
	m := dnsmessage.Message{
		Header: dnsmessage.Header{ID: 4, RecursionDesired: true},
		Questions: []dnsmessage.Question{{
			Name: dnsmessage.MustNewName(name), Type: kind, Class: dnsmessage.ClassINET,
		}},
	}
	if change != nil {
		change(&m)
	}
	packed, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

func unpack(t testing.TB, answer []byte) dnsmessage.Message {
	t.Helper()
	var m dnsmessage.Message
	if err := m.Unpack(answer); err != nil {
		t.Fatalf("%x: %v", answer, err)
	}
	return m
}

// show is an answer in words.
func show(m dnsmessage.Message) []string {
	var all []string
	if m.RCode != dnsmessage.RCodeSuccess {
		all = append(all, strings.TrimPrefix(m.RCode.String(), "RCode"))
	}
	for _, record := range m.Answers {
		name := record.Header.Name.String() + " "
		switch body := record.Body.(type) {
		case *dnsmessage.AResource:
			all = append(all, name+netip.AddrFrom4(body.A).String())
		case *dnsmessage.AAAAResource:
			all = append(all, name+netip.AddrFrom16(body.AAAA).String())
		case *dnsmessage.CNAMEResource:
			all = append(all, name+"is "+body.CNAME.String())
		case *dnsmessage.PTRResource:
			all = append(all, name+"is "+body.PTR.String())
		case *dnsmessage.SRVResource:
			all = append(all, fmt.Sprintf("%sat %s:%d", name, body.Target, body.Port))
		}
	}
	return all
}

func TestNames(t *testing.T) {
	t.Parallel()
	const (
		a, aaaa, srv, ptr = dnsmessage.TypeA, dnsmessage.TypeAAAA, dnsmessage.TypeSRV, dnsmessage.TypePTR
		base              = ".shop.svc.cluster.local."
	)
	tests := []struct {
		name, question string
		kind           dnsmessage.Type
		want           []string
		cluster        []string // what its own server is asked
		outside        []string
	}{
		{name: "Service", question: "web" + base, kind: a, want: []string{"web" + base + " 10.96.0.10"}},
		{name: "Service in capitals", question: "Web.SHOP.svc.Cluster.Local.", kind: a,
			want: []string{"web" + base + " 10.96.0.10"}},
		{name: "Service of IPv4 only", question: "web" + base, kind: aaaa},
		{name: "Service of both", question: "both" + base, kind: aaaa, want: []string{"both" + base + " fd00:96::12"}},
		{name: "Service, another kind of record", question: "web" + base, kind: dnsmessage.TypeMX},
		{name: "no Service", question: "nothing" + base, kind: a, want: []string{"NameError"}},
		{name: "headless", question: "db" + base, kind: a,
			want: []string{"db" + base + " 10.244.0.7", "db" + base + " 10.244.0.9"}},
		{name: "headless without endpoints", question: "idle" + base, kind: a, want: []string{"NameError"}},
		{name: "headless that publishes early", question: "early" + base, kind: a,
			want: []string{"early" + base + " 10.244.0.20"}},
		{name: "pod of a StatefulSet", question: "db-0.db" + base, kind: a,
			want: []string{"db-0.db" + base + " 10.244.0.7"}},
		{name: "pod of a StatefulSet, IPv6", question: "db-0.db" + base, kind: aaaa},
		{name: "pod of a StatefulSet that is not ready", question: "db-1.db" + base, kind: a,
			want: []string{"NameError"}},
		{name: "endpoint by its address", question: "10-244-0-9.db" + base, kind: a,
			want: []string{"10-244-0-9.db" + base + " 10.244.0.9"}},
		{name: "SRV", question: "_http._tcp.web" + base, kind: srv,
			want: []string{"_http._tcp.web" + base + " at web" + base + ":80"}},
		{name: "SRV, other protocol", question: "_http._udp.web" + base, kind: srv, want: []string{"NameError"}},
		{name: "SRV of a headless Service", question: "_sql._tcp.db" + base, kind: srv, want: []string{
			"_sql._tcp.db" + base + " at db-0.db" + base + ":15432",
			"_sql._tcp.db" + base + " at 10-244-0-9.db" + base + ":15432"}},
		{name: "SRV of all ports", question: "web" + base, kind: srv, want: []string{
			"web" + base + " at web" + base + ":80", "web" + base + " at web" + base + ":53"}},
		{name: "a port has no address", question: "_http._tcp.web" + base, kind: a},
		{name: "external", question: "bank" + base, kind: a,
			want:    []string{"bank" + base + " is pay.example.com.", "pay.example.com. 203.0.113.1"},
			outside: []string{"pay.example.com. A false"}},
		{name: "external, by its name alone", question: "bank" + base, kind: dnsmessage.TypeCNAME,
			want: []string{"bank" + base + " is pay.example.com."}},
		{name: "external, in the cluster", question: "alias2" + base, kind: a, want: []string{
			"alias2" + base + " is alias" + base, "alias" + base + " is web" + base, "web" + base + " 10.96.0.10"}},
		{name: "external, of a hidden namespace", question: "far" + base, kind: a,
			want: []string{"far" + base + " is api.hidden.svc.cluster.local.",
				"api.hidden.svc.cluster.local. 10.97.0.1"},
			cluster: []string{"api.hidden.svc.cluster.local. A false"}},
		{name: "external, too long", question: "broken" + base, kind: a, want: []string{"ServerFailure"}},
		{name: "pod", question: "10-244-0-5.shop.pod.cluster.local.", kind: a,
			want: []string{"10-244-0-5.shop.pod.cluster.local. 10.244.0.5"}},
		{name: "pod that is elsewhere", question: "8-8-8-8.shop.pod.cluster.local.", kind: a,
			want: []string{"NameError"}},
		{name: "no pod", question: "web.shop.pod.cluster.local.", kind: a, want: []string{"NameError"}},
		{name: "address of a Service", question: "10.0.96.10.in-addr.arpa.", kind: ptr,
			want: []string{"10.0.96.10.in-addr.arpa. is web" + base}},
		{name: "address of a headless Service's pod", question: "7.0.244.10.in-addr.arpa.", kind: ptr,
			want: []string{"7.0.244.10.in-addr.arpa. is db-0.db" + base}},
		{name: "address of the cluster", question: "77.0.244.10.in-addr.arpa.", kind: ptr,
			want:    []string{"77.0.244.10.in-addr.arpa. 10.97.0.1"},
			cluster: []string{"77.0.244.10.in-addr.arpa. PTR false"}},
		{name: "address of elsewhere", question: "8.8.8.8.in-addr.arpa.", kind: ptr,
			want:    []string{"8.8.8.8.in-addr.arpa. 203.0.113.1"},
			outside: []string{"8.8.8.8.in-addr.arpa. PTR false"}},
		{name: "address of IPv6", kind: ptr,
			question: "2.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.0.d.f.ip6.arpa.",
			want: []string{"2.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.0.d.f.ip6.arpa. is both" +
				base}},
		{name: "namespace", question: "shop.svc.cluster.local.", kind: a},
		{name: "domain", question: "cluster.local.", kind: a},
		{name: "below the domain", question: "www.example.com.cluster.local.", kind: a, want: []string{"NameError"}},
		{name: "the search list behind a name of elsewhere", question: "www.example.com" + base, kind: a,
			want: []string{"NameError"}},
		{name: "the search list behind a long name", question: "a.b.c.example.com" + base, kind: a,
			want: []string{"NameError"}},
		{name: "a name of elsewhere", question: "www.example.com.", kind: a,
			want:    []string{"www.example.com. 203.0.113.1"},
			outside: []string{"www.example.com. A false"}},
		{name: "a name that only looks like the cluster's", question: "web.shop.svc.mycluster.local.", kind: a,
			want:    []string{"web.shop.svc.mycluster.local. 203.0.113.1"},
			outside: []string{"web.shop.svc.mycluster.local. A false"}},
		{name: "Service of a hidden namespace", question: "api.hidden.svc.cluster.local.", kind: a,
			want:    []string{"api.hidden.svc.cluster.local. 10.97.0.1"},
			cluster: []string{"api.hidden.svc.cluster.local. A false"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := server(false)
			m := unpack(t, s.Answer(t.Context(), query(t, test.question, test.kind, nil), false))
			if diff := cmp.Diff(test.want, show(m)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff(test.cluster, s.cluster.asked); diff != "" {
				t.Errorf("asked in the cluster (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.outside, s.outside.asked); diff != "" {
				t.Errorf("asked outside (-want +got):\n%s", diff)
			}
			if !m.Response || m.ID != 4 || len(m.Questions) != 1 ||
				!strings.EqualFold(m.Questions[0].Name.String(), test.question) {
				t.Errorf("no answer to the question: %+v", m.Header)
			}
			if len(test.want) == 0 && (len(m.Authorities) != 1 || m.Authorities[0].Header.Type != dnsmessage.TypeSOA) {
				t.Error("an empty answer without how long it holds")
			}
		})
	}
}

// A name that stands for itself ends somewhere.
func TestLoop(t *testing.T) {
	t.Parallel()
	q := query(t, "loop.shop.svc.cluster.local.", dnsmessage.TypeA, nil)
	m := unpack(t, server(true).Answer(t.Context(), q, false))
	if m.RCode != dnsmessage.RCodeServerFailure {
		t.Errorf("%v", show(m))
	}
}

// With all namespaces known, no other server is asked about the cluster's names.
func TestAllKnown(t *testing.T) {
	t.Parallel()
	s := server(true)
	for _, name := range []string{
		"api.hidden.svc.cluster.local.", "example.com.svc.cluster.local.", "77.0.244.10.in-addr.arpa.",
		"hidden.svc.cluster.local.",
	} {
		m := unpack(t, s.Answer(t.Context(), query(t, name, dnsmessage.TypeA, nil), false))
		if diff := cmp.Diff([]string{"NameError"}, show(m)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if len(s.cluster.asked)+len(s.outside.asked) != 0 {
		t.Errorf("asked %v %v", s.cluster.asked, s.outside.asked)
	}
}

// The addresses of an answer change their order, so that clients that take the first share them.
func TestRotation(t *testing.T) {
	t.Parallel()
	s := server(true)
	firsts := map[string]bool{}
	for id := range uint16(4) {
		m := unpack(t, s.Answer(t.Context(), query(t, "db.shop.svc.cluster.local.", dnsmessage.TypeA,
			func(m *dnsmessage.Message) { m.ID = id }), false))
		firsts[show(m)[0]] = true
	}
	if len(firsts) != 2 {
		t.Errorf("always the same: %v", firsts)
	}
}

// crowd is a server of a headless Service with many endpoints.
func crowd(n int) *Server {
	s := clusternet.Service{Namespace: "shop", Name: "crowd", Headless: true}
	for i := range n {
		s.Endpoints = append(s.Endpoints, clusternet.Endpoint{
			Address: netip.AddrFrom4([4]byte{10, 244, byte(i >> 8), byte(i)}),
			Ready:   true,
		})
	}
	table := clusternet.New(clusternet.Facts{All: true, Services: []clusternet.Service{s}})
	return New(Options{Table: func() *clusternet.Table { return table }, Domain: "cluster.local"})
}

// An answer that is too long for a packet says so, and comes whole by TCP; how long that is the client says.
func TestTruncation(t *testing.T) {
	t.Parallel()
	edns := func(m *dnsmessage.Message) {
		var h dnsmessage.ResourceHeader
		_ = h.SetEDNS0(1232, dnsmessage.RCodeSuccess, false)
		m.Additionals = []dnsmessage.Resource{{Header: h, Body: &dnsmessage.OPTResource{}}}
	}
	tests := []struct {
		name   string
		many   int
		change func(*dnsmessage.Message)
		tcp    bool
		want   int
		cut    bool
	}{
		{name: "a few", many: 10, want: 10},
		{name: "too many", many: 60, cut: true},
		{name: "too many, but not for this client", many: 60, change: edns, want: 60},
		{name: "too many for this client", many: 300, change: edns, cut: true},
		{name: "TCP", many: 1000, tcp: true, want: 1000},
		{name: "more than anyone needs", many: 3000, tcp: true, want: maxAnswers},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			q := query(t, "crowd.shop.svc.cluster.local.", dnsmessage.TypeA, test.change)
			answer := crowd(test.many).Answer(t.Context(), q, test.tcp)
			m := unpack(t, answer)
			if len(m.Answers) != test.want || m.Truncated != test.cut {
				t.Errorf("%d answers, want %d; truncated %t", len(m.Answers), test.want, m.Truncated)
			}
			if hasEDNS := len(m.Additionals) == 1; hasEDNS != (test.change != nil) {
				t.Errorf("%d additional records", len(m.Additionals))
			}
			if !test.tcp && test.change == nil && len(answer) > plainSize {
				t.Errorf("%d bytes", len(answer))
			}
		})
	}
}

// Other servers may fail, or answer something else than they were asked.
func TestOtherServersFail(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		fail  error
		alter func(*dnsmessage.Message)
		want  []string
	}{
		{name: "no answer", fail: errors.New("no one answers"), want: []string{"ServerFailure"}},
		{name: "another's answer", alter: func(m *dnsmessage.Message) { m.ID++ }, want: []string{"ServerFailure"}},
		{name: "another question's answer", want: []string{"ServerFailure"},
			alter: func(m *dnsmessage.Message) { m.Questions[0].Name = dnsmessage.MustNewName("evil.example.") }},
		{name: "no answer but a question", alter: func(m *dnsmessage.Message) { m.Response = false },
			want: []string{"ServerFailure"}},
		{name: "refused", alter: func(m *dnsmessage.Message) {
			m.RCode, m.Questions, m.Answers = dnsmessage.RCodeRefused, nil, nil
		}, want: []string{"Refused"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := server(true)
			s.outside.fail, s.outside.alter = test.fail, test.alter
			m := unpack(t, s.Answer(t.Context(), query(t, "www.example.com.", dnsmessage.TypeA, nil), false))
			if diff := cmp.Diff(test.want, show(m)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Messages that are no questions get the answer that they deserve, or none.
func TestOddMessages(t *testing.T) {
	t.Parallel()
	s := server(true)
	good := query(t, "web.shop.svc.cluster.local.", dnsmessage.TypeA, nil)
	tests := []struct {
		name    string
		message []byte
		want    string
	}{
		{"nothing", nil, "none"},
		{"too short", good[:11], "none"},
		{"an answer", query(t, "a.", dnsmessage.TypeA, func(m *dnsmessage.Message) { m.Response = true }), "none"},
		{"no question", query(t, "a.", dnsmessage.TypeA, func(m *dnsmessage.Message) {
			m.Questions = nil
		}), "FormatError"},
		{"half a question", good[:20], "FormatError"},
		{"two questions", query(t, "a.", dnsmessage.TypeA, func(m *dnsmessage.Message) {
			m.Questions = append(m.Questions, m.Questions[0])
		}), "FormatError"},
		{"an update", query(t, "a.", dnsmessage.TypeA, func(m *dnsmessage.Message) { m.OpCode = 5 }), "NotImplemented"},
		{"another class", query(t, "a.", dnsmessage.TypeA, func(m *dnsmessage.Message) {
			m.Questions[0].Class = dnsmessage.ClassCHAOS
		}), "Refused"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			answer := s.Answer(t.Context(), test.message, false)
			got := "none"
			if answer != nil {
				got = strings.TrimPrefix(unpack(t, answer).RCode.String(), "RCode")
			}
			if got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

func TestResolvConf(t *testing.T) {
	t.Parallel()
	outside := ParseResolvConf("# comment\nnameserver 10.1.1.1\nnameserver fe80::1%eth0\nnameserver nonsense\n" +
		"domain old.example\nsearch corp.example lab.example svc.cluster.local .\noptions ndots:2 edns0\n")
	wantServers := []string{"10.1.1.1:53", "[fe80::1%eth0]:53"}
	var servers []string
	for _, s := range outside.Servers {
		servers = append(servers, s.String())
	}
	if diff := cmp.Diff(wantServers, servers); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	got := Inside(addr("192.0.0.1"), "shop", "cluster.local", outside)
	want := "# nhctl run: names of the cluster, and those of this computer\nnameserver 192.0.0.1\n" +
		"search shop.svc.cluster.local svc.cluster.local cluster.local corp.example lab.example\noptions ndots:5\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The second server is asked where the first is silent, and late answers to others are not taken.
func TestUpstream(t *testing.T) {
	t.Parallel()
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	speaks, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer speaks.Close()
	go func() {
		b := make([]byte, 512)
		n, from, err := speaks.ReadFrom(b)
		if err != nil {
			return
		}
		late := slices.Clone(b[:n])
		late[0]++
		_, _ = speaks.WriteTo(late, from)
		_, _ = speaks.WriteTo(append(b[:n], '!'), from)
	}()
	u := Upstream{
		Servers: func() []netip.AddrPort {
			return []netip.AddrPort{
				netip.MustParseAddrPort(silent.LocalAddr().String()),
				netip.MustParseAddrPort(speaks.LocalAddr().String()),
			}
		},
		Dial:     (&net.Dialer{}).DialContext,
		Patience: 200 * time.Millisecond,
	}
	q := query(t, "www.example.com.", dnsmessage.TypeA, nil)
	got, err := u.Exchange(t.Context(), q, false)
	if want := string(q) + "!"; string(got) != want || err != nil {
		t.Errorf("%q, want %q; %v", got, want, err)
	}
}

// Whatever comes, there is no panic, and an answer is one to the question.
func FuzzAnswer(f *testing.F) {
	f.Add(query(f, "web.shop.svc.cluster.local.", dnsmessage.TypeA, nil), false)
	f.Add(query(f, "_sql._tcp.db.shop.svc.cluster.local.", dnsmessage.TypeSRV, nil), true)
	f.Add(query(f, "10.0.96.10.in-addr.arpa.", dnsmessage.TypePTR, nil), false)
	f.Add([]byte{0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 0x0c, 0, 1, 0, 1}, false)
	f.Fuzz(func(t *testing.T, message []byte, tcp bool) {
		answer := server(false).Answer(t.Context(), message, tcp)
		if answer == nil {
			return
		}
		m := unpack(t, answer)
		if !m.Response || len(message) < 2 || [2]byte(answer) != [2]byte(message) {
			t.Errorf("%x is no answer to %x", answer, message)
		}
		if !tcp && len(answer) > maxSize {
			t.Errorf("%d bytes", len(answer))
		}
	})
}

func BenchmarkAnswer(b *testing.B) {
	s, q := server(true), query(b, "web.shop.svc.cluster.local.", dnsmessage.TypeA, nil)
	for b.Loop() {
		if s.Answer(b.Context(), q, false) == nil {
			b.Fatal("no answer")
		}
	}
}

// A server that tells addresses alone is asked once for a while, also for names that it does not know.
func TestByName(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		missing := errors.New("no such name")
		var asked []string
		var learned []netip.Addr
		b := &ByName{
			Resolve: func(_ context.Context, name string) ([]netip.Addr, error) {
				asked = append(asked, name)
				switch name {
				case "api.hidden.svc.cluster.local.":
					return []netip.Addr{addr("10.97.0.1"), addr("fd00::1")}, nil
				case "down.hidden.svc.cluster.local.":
					return nil, errors.New("no answer")
				}
				return nil, missing
			},
			Missing: func(err error) bool { return errors.Is(err, missing) },
			Learn:   func(all ...netip.Addr) { learned = append(learned, all...) },
		}
		ask := func(name string, kind dnsmessage.Type) []string {
			answer, err := b.Exchange(t.Context(), query(t, name, kind, nil), false)
			if err != nil {
				return []string{err.Error()}
			}
			return show(unpack(t, answer))
		}
		const api = "api.hidden.svc.cluster.local."
		for range 3 {
			for _, test := range []struct {
				name string
				kind dnsmessage.Type
				want []string
			}{
				{api, dnsmessage.TypeA, []string{api + " 10.97.0.1"}},
				{"API.hidden.svc.cluster.local.", dnsmessage.TypeAAAA, []string{api + " fd00::1"}},
				{api, dnsmessage.TypeSRV, nil},
				{"no.hidden.svc.cluster.local.", dnsmessage.TypeA, []string{"NameError"}},
				{"7.0.244.10.in-addr.arpa.", dnsmessage.TypePTR, []string{"NameError"}},
			} {
				if diff := cmp.Diff(test.want, ask(test.name, test.kind)); diff != "" {
					t.Errorf("%s %s (-want +got):\n%s", test.name, test.kind, diff)
				}
			}
		}
		if diff := cmp.Diff([]string{api, "no.hidden.svc.cluster.local."}, asked); diff != "" {
			t.Errorf("asked (-want +got):\n%s", diff)
		}
		if len(learned) != 2 {
			t.Errorf("learned %v", learned)
		}
		time.Sleep(freshTime)
		ask(api, dnsmessage.TypeA)
		for range 2 {
			if got := ask("down.hidden.svc.cluster.local.", dnsmessage.TypeA); got[0] != "no answer" {
				t.Error(got)
			}
		}
		if len(asked) != 5 { // a failure is not kept
			t.Errorf("asked %v", asked)
		}
	})
}

// The user has said who knows a name: the cluster's server or the computer's resolver, and no one else is asked.
func TestNamed(t *testing.T) {
	t.Parallel()
	var learned []netip.Addr
	learn := func(addresses ...netip.Addr) { learned = append(learned, addresses...) }
	s := server(true)
	s.named = map[string]Named{
		"db.example.com":             {Cluster: true, Learn: learn},
		"web.shop.svc.cluster.local": {Learn: learn},
	}
	for _, tt := range []struct{ name, want string }{
		{"DB.example.com.", "DB.example.com. 10.97.0.1"},
		{"web.shop.svc.cluster.local.", "web.shop.svc.cluster.local. 203.0.113.1"},
		{"x.db.example.com.", "x.db.example.com. 203.0.113.1"},
	} {
		m := unpack(t, s.Answer(t.Context(), query(t, tt.name, dnsmessage.TypeA, nil), false))
		if diff := cmp.Diff([]string{tt.want}, show(m)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	if want := []netip.Addr{addr("10.97.0.1"), addr("203.0.113.1")}; !slices.Equal(learned, want) {
		t.Errorf("learned %v, want %v", learned, want)
	}
}
