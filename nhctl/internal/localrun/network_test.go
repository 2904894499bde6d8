package localrun

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/clusternet"
	"github.com/nhctl/nhctl/nhctl/internal/netstack"
)

// static is a cluster whose network never changes.
type static struct {
	table   *clusternet.Table
	mu      sync.Mutex
	learned []netip.Addr
}

func (s *static) Table() *clusternet.Table { return s.table }
func (s *static) Learn(all ...netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.learned = append(s.learned, all...)
}

// shop is a cluster with a ready Service, one without endpoints, and pods.
func shop() *static {
	endpoint := clusternet.Endpoint{
		Address: netip.MustParseAddr("10.244.0.5"),
		Ready:   true,
		Ports: []clusternet.Port{
			{Name: "http", Protocol: clusternet.TCP, Port: 8080}, {Name: "dns", Protocol: clusternet.UDP, Port: 53},
		},
	}
	ports := []clusternet.Port{
		{Name: "http", Protocol: clusternet.TCP, Port: 80}, {Name: "dns", Protocol: clusternet.UDP, Port: 53},
	}
	return &static{table: clusternet.New(clusternet.Facts{
		Namespaces: []string{"shop"},
		Services: []clusternet.Service{
			{Namespace: "shop", Name: "web", Addresses: []netip.Addr{netip.MustParseAddr("10.96.0.10")}, Ports: ports,
				Endpoints: []clusternet.Endpoint{endpoint}},
			{
				Namespace: "shop", Name: "empty", Ports: ports,
				Addresses: []netip.Addr{netip.MustParseAddr("10.96.0.11")},
			},
			{Namespace: "shop", Name: "web6", Addresses: []netip.Addr{netip.MustParseAddr("fd00:96::10")}, Ports: ports,
				Endpoints: []clusternet.Endpoint{endpoint}},
		},
		Addresses: []netip.Addr{endpoint.Address},
	})}
}

// gateway is a gateway in memory.
type gateway struct {
	tcp     func(to netip.AddrPort, first []byte) (net.Conn, error)
	udp     func(to netip.AddrPort) (net.Conn, error)
	resolve func(name string) ([]netip.Addr, error)
}

var errMissing = errors.New("no such name")

func (g *gateway) DialTCP(_ context.Context, to netip.AddrPort, first []byte) (net.Conn, error) {
	return g.tcp(to, first)
}
func (g *gateway) DialUDP(_ context.Context, to netip.AddrPort) (net.Conn, error) { return g.udp(to) }
func (g *gateway) Missing(err error) bool                                         { return errors.Is(err, errMissing) }
func (g *gateway) Resolve(_ context.Context, name string) ([]netip.Addr, error) {
	return g.resolve(name)
}

func TestJudge(t *testing.T) {
	t.Parallel()
	n := &network{cluster: shop()}
	tests := []struct {
		name, to string
		tcp, udp netstack.Verdict
	}{
		{"ready Service", "10.96.0.10:80", netstack.Accept, netstack.Refuse},
		{"ready Service, UDP", "10.96.0.10:53", netstack.Refuse, netstack.Accept},
		{"Service without endpoints", "10.96.0.11:80", netstack.Refuse, netstack.Refuse},
		{"pod", "10.244.0.5:1", netstack.Dial, netstack.Dial},
		{"range", "10.96.7.7:1", netstack.Dial, netstack.Dial},
		{"internet", "1.1.1.1:443", netstack.Dial, netstack.Dial},
		{"the computer's link", "169.254.169.254:80", netstack.Dial, netstack.Dial},
		{"nhctl's own", "192.0.0.1:80", netstack.Refuse, netstack.Refuse},
		{"loopback that came this way", "127.0.0.1:80", netstack.Refuse, netstack.Refuse},
		{"group", "224.0.0.251:5353", netstack.Refuse, netstack.Refuse},
		{"nothing", "0.0.0.0:80", netstack.Refuse, netstack.Refuse},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			to := netip.MustParseAddrPort(test.to)
			if got := n.JudgeTCP(to); got != test.tcp {
				t.Errorf("TCP: %d, want %d", got, test.tcp)
			}
			if got := n.JudgeUDP(to); got != test.udp {
				t.Errorf("UDP: %d, want %d", got, test.udp)
			}
		})
	}
}

// Nothing for the cluster's addresses leaves the computer by its own network, also when the gateway is away.
func TestClusterNeverLeaves(t *testing.T) {
	t.Parallel()
	away := errors.New("the gateway is away")
	var reached []string
	n := &network{
		cluster: shop(),
		gateway: &gateway{
			tcp: func(netip.AddrPort, []byte) (net.Conn, error) { return nil, away },
			udp: func(netip.AddrPort) (net.Conn, error) { return nil, away },
		},
		dialer: net.Dialer{Control: func(_, address string, _ syscall.RawConn) error {
			reached = append(reached, address)
			return errors.New("not in this test")
		}},
	}
	for _, to := range []string{"10.96.0.10:80", "10.96.0.10:53", "10.96.7.7:80", "10.244.0.5:80", "10.244.9.9:80",
		"[fd00:96::10]:80", "[::ffff:10.244.9.9]:80"} {
		address := netip.MustParseAddrPort(to)
		_, err := n.DialTCP(t.Context(), address, nil)
		if !errors.Is(err, away) && !errors.Is(err, netstack.ErrRefused) {
			t.Errorf("TCP to %s: %v", to, err)
		}
		if _, err := n.DialUDP(t.Context(), address); !errors.Is(err, away) && !errors.Is(err, netstack.ErrRefused) {
			t.Errorf("UDP to %s: %v", to, err)
		}
	}
	if len(reached) != 0 {
		t.Errorf("went out: %v", reached)
	}
	_, err := n.DialTCP(t.Context(), netip.MustParseAddrPort("203.0.113.1:80"), nil)
	if err == nil || len(reached) != 1 {
		t.Errorf("the internet: %v, %v", reached, err)
	}
}
