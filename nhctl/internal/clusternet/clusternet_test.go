package clusternet

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var equalPrefixes = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

func parseAddrs(words ...string) (all []netip.Addr) {
	for _, w := range words {
		all = append(all, netip.MustParseAddr(w))
	}
	return all
}

func parsePrefixes(words ...string) (all []netip.Prefix) {
	for _, w := range words {
		all = append(all, netip.MustParsePrefix(w))
	}
	return all
}

// shop is a cluster with a Service of each sort.
func shop() Facts {
	http := []Port{{Name: "http", Protocol: TCP, Port: 8080}}
	return Facts{
		Namespaces: []string{"shop"},
		Services: []Service{
			{
				Namespace: "shop", Name: "web", Addresses: parseAddrs("10.96.0.10"),
				Ports: []Port{{Name: "http", Protocol: TCP, Port: 80}, {Name: "dns", Protocol: UDP, Port: 53},
					{Name: "admin", Protocol: TCP, Port: 81}},
				Endpoints: []Endpoint{
					{Address: netip.MustParseAddr("10.244.0.5"), Ready: true, Ports: append(http,
						Port{Name: "dns", Protocol: UDP, Port: 53})},
					{
						Address: netip.MustParseAddr("10.244.0.6"),
						Ports:   []Port{{Name: "admin", Protocol: TCP, Port: 81}},
					},
				},
			},
			{Namespace: "shop", Name: "empty", Addresses: parseAddrs("10.96.0.11"),
				Ports: []Port{{Name: "http", Protocol: TCP, Port: 80}}},
			{Namespace: "shop", Name: "headless", Headless: true, Endpoints: []Endpoint{
				{Address: netip.MustParseAddr("172.20.9.9"), Ready: true, Ports: http},
				{Address: netip.MustParseAddr("192.168.1.7"), Ready: true, Ports: http},
				{Address: netip.MustParseAddr("8.8.8.8"), Ready: true, Ports: http},
			}},
		},
		Addresses: parseAddrs("10.244.0.5", "203.0.113.9", "192.168.1.5"),
		Local:     parsePrefixes("192.168.1.0/24", "10.244.7.0/24"),
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	table := New(shop())
	tests := []struct {
		name     string
		protocol Protocol
		to       string
		want     Verdict
	}{
		{"Service port with a ready endpoint", TCP, "10.96.0.10:80", Ready},
		{"the same, as IPv6 has it", TCP, "[::ffff:10.96.0.10]:80", Ready},
		{"the same number, other protocol", UDP, "10.96.0.10:80", Refused},
		{"UDP port with a ready endpoint", UDP, "10.96.0.10:53", Ready},
		{"no such port", TCP, "10.96.0.10:82", Refused},
		{"the port of the pod", TCP, "10.96.0.10:8080", Refused},
		{"only endpoints that are not ready", TCP, "10.96.0.10:81", Refused},
		{"no endpoint", TCP, "10.96.0.11:80", Refused},
		{"a pod", TCP, "10.244.0.5:8080", Unknown},
		{"the pods' range", TCP, "10.244.200.1:1", Unknown},
		{"the Services' range", TCP, "10.96.77.1:443", Unknown},
		{"an endpoint by hand", TCP, "172.20.9.9:5432", Unknown},
		{"its range is no one's", TCP, "172.20.9.10:5432", Outside},
		{"an endpoint that names the computer's network", TCP, "192.168.1.7:22", Outside},
		{"an endpoint that names the internet", TCP, "8.8.8.8:443", Outside},
		{"a pod in the computer's network", TCP, "192.168.1.5:80", Unknown},
		{"the computer's network", TCP, "192.168.1.6:80", Outside},
		{"a network of the computer's in the pods' range", TCP, "10.244.7.9:80", Outside},
		{"a pod with an address of the internet", TCP, "203.0.113.9:80", Unknown},
		{"its neighbour", TCP, "203.0.113.10:80", Outside},
		{"the internet", TCP, "1.1.1.1:443", Outside},
		{"IPv6", TCP, "[2001:db8::1]:443", Outside},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := table.Judge(test.protocol, netip.MustParseAddrPort(test.to)); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

func TestRanges(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		facts Facts
		want  []netip.Prefix
	}{
		{name: "nothing"},
		{
			name:  "found by addresses",
			facts: shop(),
			want:  parsePrefixes("10.96.0.0/16", "10.244.0.0/16", "192.168.0.0/16"),
		},
		{
			name: "stated",
			facts: Facts{
				ServiceRanges: parsePrefixes("10.96.0.0/12", "fd00:1::/108"),
				Services:      []Service{{Name: "a", Addresses: parseAddrs("10.100.0.1", "fd00:1::5")}},
				Addresses:     parseAddrs("fd00:2::9"),
				Local:         parsePrefixes("172.16.0.0/12"),
			},
			want: parsePrefixes("10.96.0.0/12", "fd00:1::/108", "fd00:2::/64"),
		},
		{
			name:  "ranges of clouds",
			facts: Facts{Addresses: parseAddrs("100.64.3.4", "198.18.36.1", "198.20.0.1", "240.1.2.3", "100.128.0.1")},
			want:  parsePrefixes("100.64.0.0/16", "198.18.0.0/16", "240.1.0.0/16"),
		},
		{
			name: "no network of a cluster",
			facts: Facts{
				ServiceRanges: parsePrefixes("0.0.0.0/0", "127.0.0.0/8", "10.0.0.0/4"),
				Services:      []Service{{Name: "a", Addresses: parseAddrs("127.0.0.1", "169.254.169.254", "::1")}},
				Addresses:     parseAddrs("224.0.0.1", "0.0.0.0", "8.8.8.8"),
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			table := New(test.facts)
			if diff := cmp.Diff(test.want, table.Ranges(), equalPrefixes); diff != "" {
				t.Errorf("ranges (-want +got):\n%s", diff)
			}
		})
	}
}
