package clusternet

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// ruledShop is the shop with what a user has said.
func ruledShop(also, never []netip.Prefix) *Table {
	f := shop()
	f.Also, f.Never = also, never
	return New(f)
}

func TestRules(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		also, never []netip.Prefix
		to          string
		want        Verdict
	}{
		"a network of elsewhere is the cluster's": {
			also: parsePrefixes("172.31.0.0/16"), to: "172.31.4.5:443", want: Unknown,
		},
		"and so is the internet's": {also: parsePrefixes("8.8.8.0/24"), to: "8.8.8.8:53", want: Unknown},
		"and the computer's own":   {also: parsePrefixes("10.244.7.0/24"), to: "10.244.7.9:80", want: Unknown},
		"a Service never is": {
			never: parsePrefixes("10.96.0.10/32"), to: "10.96.0.10:80", want: Outside,
		},
		"its neighbour still is": {never: parsePrefixes("10.96.0.10/32"), to: "10.96.0.11:80", want: Refused},
		"a pod never is":         {never: parsePrefixes("10.244.0.0/16"), to: "10.244.0.5:80", want: Outside},
		"of two, the longer counts": {
			parsePrefixes("10.244.9.0/24"), parsePrefixes("10.0.0.0/8"), "10.244.9.9:80", Unknown,
		},
		"also the other way round": {
			parsePrefixes("10.0.0.0/8"), parsePrefixes("10.3.0.0/16"), "10.3.9.9:80", Outside,
		},
		"of the same two, never counts": {
			parsePrefixes("10.3.0.0/16"), parsePrefixes("10.3.0.0/16"), "10.3.9.9:80", Outside,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ruledShop(tt.also, tt.never).Judge(TCP, netip.MustParseAddrPort(tt.to))
			if got != tt.want {
				t.Errorf("%s: %s, want %s", tt.to, got, tt.want)
			}
		})
	}
}

func TestCollisions(t *testing.T) {
	t.Parallel()
	local := []Local{
		{netip.MustParsePrefix("0.0.0.0/0"), "device eth0"},
		{netip.MustParsePrefix("10.0.2.0/24"), "device eth0"},
		{netip.MustParsePrefix("10.244.7.0/24"), "device cni0"},
		{netip.MustParsePrefix("10.96.0.53/32"), "name server"},
		{netip.MustParsePrefix("192.0.0.0/8"), "device tun0"},
	}
	within := func(at int, of string) Collision { return Collision{local[at], netip.MustParsePrefix(of)} }
	pods, server := within(2, "10.244.0.0/16"), within(3, "10.96.0.0/16")
	vpn := within(4, "192.168.0.0/16")
	for name, tt := range map[string]struct {
		also, never []netip.Prefix
		want        []Collision
	}{
		"nothing said":     {want: []Collision{pods, server, vpn}},
		"the cluster's":    {also: parsePrefixes("10.244.7.0/24"), want: []Collision{server, vpn}},
		"the computer's":   {never: parsePrefixes("10.96.0.0/24", "192.0.0.0/8"), want: []Collision{pods}},
		"a part of it":     {never: parsePrefixes("10.244.7.0/25"), want: []Collision{pods, server, vpn}},
		"all of a company": {also: parsePrefixes("10.0.0.0/8"), want: []Collision{pods, server, vpn}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ruledShop(tt.also, tt.never).Collisions(local)
			if diff := cmp.Diff(tt.want, got, equalPrefixes); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		facts Facts
		want  []netip.Prefix
	}{
		"nothing": {},
		"ranges, and addresses out of them": {
			facts: shop(),
			want: parsePrefixes("10.96.0.0/16", "10.244.0.0/16", "192.168.0.0/16", "172.20.9.9/32",
				"203.0.113.9/32"),
		},
		"less the API server": {
			facts: Facts{ServiceRanges: parsePrefixes("10.96.0.0/28"), Never: parsePrefixes("10.96.0.1/32")},
			want:  parsePrefixes("10.96.0.8/29", "10.96.0.4/30", "10.96.0.2/31", "10.96.0.0/32"),
		},
		"with rules": {
			facts: Facts{
				ServiceRanges: parsePrefixes("10.96.0.0/15"),
				Also:          parsePrefixes("8.8.8.0/24", "10.97.4.0/24"),
				Never:         parsePrefixes("10.97.0.0/16", "8.8.8.128/25"),
			},
			want: parsePrefixes("10.96.0.0/16", "10.97.4.0/24", "8.8.8.0/25"),
		},
		"IPv6": {
			facts: Facts{ServiceRanges: parsePrefixes("fd00:1::/127"), Never: parsePrefixes("fd00:1::1/128")},
			want:  parsePrefixes("fd00:1::/128"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := New(tt.facts).Routes()
			want := sorted(tt.want)
			if diff := cmp.Diff(want, sorted(got), equalPrefixes); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func sorted(all []netip.Prefix) map[netip.Prefix]bool {
	set := map[netip.Prefix]bool{}
	for _, p := range all {
		set[p] = true
	}
	return set
}

// No route leads to what never is the cluster's, whatever the cluster says.
func FuzzRoutes(f *testing.F) {
	f.Add([]byte{10, 96, 0, 0}, 12, []byte{10, 96, 7, 9})
	f.Fuzz(func(t *testing.T, network []byte, bits int, never []byte) {
		a, ok := netip.AddrFromSlice(network)
		b, also := netip.AddrFromSlice(never)
		if !ok || !also || bits < 0 || bits > a.BitLen() || b.Is4In6() {
			return
		}
		table := New(Facts{ServiceRanges: []netip.Prefix{netip.PrefixFrom(a, bits)}, Never: Single(b)})
		for _, p := range table.Routes() {
			if p.Contains(b) {
				t.Errorf("%s has %s", p, b)
			}
		}
	})
}

func TestParseWords(t *testing.T) {
	t.Parallel()
	got, err := ParseWords("--also-proxy", []string{"10.20.3.4/16", "fd00::7", "8.8.8.8", "DB.Example.com."})
	want := Words{parsePrefixes("10.20.0.0/16", "fd00::7/128", "8.8.8.8/32"), []string{"db.example.com"}}
	if diff := cmp.Diff(want, got, equalPrefixes); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	for _, word := range []string{"", "0.0.0.0/0", "a b", "*.example.com", "10.0.0.0/33", "fe80::1%eth0"} {
		if _, err := ParseWords("--also-proxy", []string{word}); problem.From(err).Code != problem.Usage {
			t.Errorf("%q: %v", word, err)
		}
	}
}
