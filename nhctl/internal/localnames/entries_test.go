package localnames

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/nhctl/nhctl/nhctl/internal/clusternet"
)

func at(text string) netip.AddrPort { return netip.MustParseAddrPort(text) }

func endpoint(address, hostname string, ready bool, ports ...clusternet.Port) clusternet.Endpoint {
	return clusternet.Endpoint{
		Address:  netip.MustParseAddr(address),
		Hostname: hostname,
		Ready:    ready,
		Ports:    ports,
	}
}

func tcp(name string, number uint16) clusternet.Port {
	return clusternet.Port{Name: name, Protocol: clusternet.TCP, Port: number}
}

// web is a Service with a cluster IP, two ports of TCP of which one has no endpoint, and one of UDP.
func web(namespace string) clusternet.Service {
	return clusternet.Service{
		Namespace: namespace,
		Name:      "web",
		Labels:    map[string]string{"tier": "front"},
		Addresses: []netip.Addr{netip.MustParseAddr("10.96.0.10")},
		Ports: []clusternet.Port{
			tcp("http", 80), tcp("admin", 81), {Name: "dns", Protocol: clusternet.UDP, Port: 53},
		},
		Endpoints: []clusternet.Endpoint{endpoint("10.244.0.5", "", true, tcp("http", 8080),
			clusternet.Port{Name: "dns", Protocol: clusternet.UDP, Port: 53})},
	}
}

// db is a headless one.
func db() clusternet.Service {
	return clusternet.Service{
		Namespace: "shop",
		Name:      "db",
		Headless:  true,
		Ports:     []clusternet.Port{tcp("sql", 5432)},
		Endpoints: []clusternet.Endpoint{
			endpoint("10.244.0.7", "db-0", true, tcp("sql", 5432)),
			endpoint("10.244.0.8", "db-1", false, tcp("sql", 5432)),
			endpoint("10.244.0.9", "", true, tcp("sql", 5433)),
			endpoint("10.244.0.7", "db-0", true, tcp("sql", 5432)),
		},
	}
}

func facts(services ...clusternet.Service) *clusternet.Table {
	return clusternet.New(clusternet.Facts{All: true, Services: services})
}

func selection(t *testing.T, selector string, namespaces ...string) Selection {
	t.Helper()
	all, err := labels.Parse(selector)
	if err != nil {
		t.Fatal(err)
	}
	return Selection{Namespaces: namespaces, Labels: all, Domain: "cluster.local"}
}

func TestEntries(t *testing.T) {
	t.Parallel()
	whole := func(name string) []string {
		return []string{name + ".shop.svc.cluster.local", name + ".shop.svc", name + ".shop", name}
	}
	webShop := Entry{Names: whole("web"), Ports: []Port{{80, []netip.AddrPort{at("10.96.0.10:80")}}}}
	headless := []Entry{
		{Names: whole("10-244-0-9.db"), Ports: []Port{{5433, []netip.AddrPort{at("10.244.0.9:5433")}}}},
		{Names: whole("db-0.db"), Ports: []Port{{5432, []netip.AddrPort{at("10.244.0.7:5432")}}}},
		{Names: whole("db"), Ports: []Port{
			{5432, []netip.AddrPort{at("10.244.0.7:5432")}}, {5433, []netip.AddrPort{at("10.244.0.9:5433")}},
		}},
	}
	table := facts(web("shop"), web("other"), db(), clusternet.Service{
		Namespace: "shop", Name: "alias", ExternalName: "example.com",
	})
	for name, tt := range map[string]struct {
		selection Selection
		want      []Entry
	}{
		"one namespace": {selection(t, "", "shop"), []Entry{headless[0], headless[1], headless[2], webShop}},
		"by labels":     {selection(t, "tier=front", "shop"), []Entry{webShop}},
		"none":          {selection(t, "tier=back", "shop"), nil},
		"further ones have no short names": {selection(t, "tier", "shop", "other"), []Entry{
			{Names: []string{"web.other.svc.cluster.local", "web.other.svc", "web.other"}, Ports: webShop.Ports},
			webShop,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Entries(table, tt.selection)
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A name has the same address each time, unless another has that already.
func TestCandidates(t *testing.T) {
	t.Parallel()
	free := func(netip.Addr) bool { return false }
	web, db := candidates("web.shop", 2, free), candidates("db.shop", 1, free)
	if again := candidates("web.shop", 2, free); !cmp.Equal(again, web, cmpopts.EquateComparable(netip.Addr{})) {
		t.Errorf("%v, then %v", web, again)
	}
	if web[0] == db[0] || web[0].Next() != web[1] {
		t.Errorf("%v, %v", web, db)
	}
	next := candidates("web.shop", 1, func(a netip.Addr) bool { return a == web[0] })
	if next[0] != web[1] {
		t.Errorf("%v, want %v", next, web[1])
	}
	own := netip.MustParsePrefix("127.0.0.0/16")
	for _, a := range candidates(t.Name(), 1000, free) {
		if !a.IsLoopback() || own.Contains(a) {
			t.Fatal(a)
		}
	}
}
