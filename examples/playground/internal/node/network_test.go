package node

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseRoutes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		routes string
		want   []string
	}{
		"nothing":       {},
		"default only":  {routes: "default via 10.0.0.1 dev eth0\n"},
		"a VPN's range": {routes: "198.18.0.0/16 dev tun0 scope link\n", want: []string{"198.18.0.0/16"}},
		"one address":   {routes: "198.18.8.1 dev nhpg0 scope link\n", want: []string{"198.18.8.1/32"}},
		"has a type": {routes: "unreachable 198.18.0.0/22\nlocal 198.18.8.1 dev nhpg0 table local\n",
			want: []string{"198.18.0.0/22", "198.18.8.1/32"}},
		"of everything":  {routes: "0.0.0.0/0 via 10.0.0.1\n"},
		"has no address": {routes: "broadcast\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want []netip.Prefix
			for _, w := range test.want {
				want = append(want, netip.MustParsePrefix(w))
			}
			if diff := cmp.Diff(want, parseRoutes(test.routes),
				cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
				t.Errorf("ranges (-want +got):\n%s", diff)
			}
		})
	}
}

// Playgrounds that share a kernel share no name there, also when containers gave them the same name.
func TestNamesDiffer(t *testing.T) {
	t.Parallel()
	plans := []*Plan{
		{Name: "default", Range: netip.MustParsePrefix("198.18.0.0/20")},
		{Name: "default", Range: netip.MustParsePrefix("198.18.16.0/20")},
		{Name: "b", Range: netip.MustParsePrefix("198.18.32.0/20")},
	}
	seen := map[string]bool{}
	for _, p := range plans {
		host, node := p.veth()
		for _, name := range []string{host, node, p.Cgroup()} {
			if seen[name] {
				t.Errorf("%s of %s is taken", name, p.Range)
			}
			seen[name] = true
		}
		if len(host) > 15 || len(node) > 15 {
			t.Errorf("%s and %s are too long for network devices", host, node)
		}
	}
}
