package computer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nhctl/nhctl/nhctl/internal/clusterdns"
	"github.com/nhctl/nhctl/nhctl/internal/clusternet"
	"github.com/nhctl/nhctl/nhctl/internal/enclosure/enclosuretest"
	"github.com/nhctl/nhctl/nhctl/internal/localrun"
	"github.com/nhctl/nhctl/nhctl/internal/netsetup"
	"github.com/nhctl/nhctl/nhctl/internal/netsetup/netsetuptest"
)

func TestMain(m *testing.M) {
	helper := func([]string) int { return netsetup.RunHelper() }
	enclosuretest.Main(m, netsetup.Argument, helper, map[string]func() error{
		"whole": netsetuptest.Computer(whole),
		"ended": netsetuptest.Computer(helperEnds),
	})
}

// All of it, in a namespace that stands for a computer: names, Services, changes, and nothing left.
func TestWhole(t *testing.T) { t.Parallel(); netsetuptest.Stand(t, "whole") }

func TestHelperEnds(t *testing.T) { t.Parallel(); netsetuptest.Stand(t, "ended") }

// changing is a cluster whose network a test changes.
type changing struct {
	mu      sync.Mutex
	facts   clusternet.Facts
	changed chan struct{}
}

func (c *changing) Table() *clusternet.Table {
	c.mu.Lock()
	defer c.mu.Unlock()
	return clusternet.New(c.facts)
}

func (c *changing) Changed() <-chan struct{} { c.mu.Lock(); defer c.mu.Unlock(); return c.changed }

func (c *changing) edit(change func(*clusternet.Facts)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.facts)
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *changing) Learn(all ...netip.Addr) {
	c.edit(func(f *clusternet.Facts) { f.Addresses = append(f.Addresses, all...) })
}

func (c *changing) Rule(also bool, networks ...netip.Prefix) {
	c.edit(func(f *clusternet.Facts) { f.Also = append(f.Also, networks...) })
}

// shop is a cluster with one ready Service.
func shop() *changing {
	return &changing{changed: make(chan struct{}), facts: clusternet.Facts{
		Namespaces: []string{"shop"},
		All:        true,
		Services: []clusternet.Service{{
			Namespace: "shop", Name: "web", Addresses: []netip.Addr{netip.MustParseAddr("10.96.0.10")},
			Ports: []clusternet.Port{{Name: "http", Protocol: clusternet.TCP, Port: 80}},
			Endpoints: []clusternet.Endpoint{{
				Address: netip.MustParseAddr("10.244.0.5"),
				Ready:   true,
				Ports:   []clusternet.Port{{Name: "http", Protocol: clusternet.TCP, Port: 8080}},
			}},
		}},
		Addresses: []netip.Addr{netip.MustParseAddr("10.244.0.5")},
		Never:     []netip.Prefix{netip.MustParsePrefix("10.96.0.1/32")}, // the API server
	}}
}

// gateway answers each connection with where it led.
type gateway struct{}

func (gateway) DialTCP(_ context.Context, to netip.AddrPort, _ []byte) (net.Conn, error) {
	near, far := net.Pipe()
	go func() {
		fmt.Fprintf(far, "this is %s", to)
		far.Close()
	}()
	return near, nil
}

func (gateway) DialUDP(context.Context, netip.AddrPort) (net.Conn, error) {
	return nil, errors.New("no UDP")
}

var errMissing = errors.New("no such name")

func (gateway) Resolve(_ context.Context, name string) ([]netip.Addr, error) {
	if name == "db.example.com." {
		return []netip.Addr{netip.MustParseAddr("198.51.100.7")}, nil
	}
	return nil, errMissing
}

func (gateway) Missing(err error) bool { return errors.Is(err, errMissing) }

// begin has the computer serve a cluster.
func begin(ctx context.Context, h *netsetup.Helper, c *changing) (stop func() error, err error) {
	ctx, cancel := context.WithCancel(ctx)
	done, ready := make(chan error, 1), make(chan struct{})
	go func() {
		done <- Run(ctx, Options{
			Namespace: "shop",
			Domain:    localrun.Domain,
			Cluster:   c,
			Gateway:   gateway{},
			Named:     clusterdns.NamedBy([]string{"db.example.com"}, nil, c.Rule),
			Local:     func() []clusternet.Local { return nil },
			Setup:     h,
			File:      true,
			Notice:    func(text string) { fmt.Println(text) },
		}, func(string) { close(ready) })
	}()
	select {
	case <-ready:
		return func() error { cancel(); return <-done }, nil
	case err := <-done:
		cancel()
		return nil, err
	}
}

// talk connects as any program of the computer does, and returns what comes.
func talk(address string) (string, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	data, err := io.ReadAll(conn)
	return string(data), err
}

func whole(ctx context.Context, self string) error {
	h, err := netsetup.Start(ctx, self)
	if err != nil {
		return err
	}
	c := shop()
	stop, err := begin(ctx, h, c)
	if err != nil {
		return err
	}
	for address, want := range map[string]string{
		"web:80":                        "this is 10.96.0.10:80",
		"web.shop:80":                   "this is 10.96.0.10:80",
		"web.shop.svc.cluster.local:80": "this is 10.96.0.10:80",
		"10.244.7.7:9":                  "this is 10.244.7.7:9",
		"db.example.com:5432":           "this is 198.51.100.7:5432",
	} {
		if got, err := talk(address); got != want {
			return fmt.Errorf("%s: %q, %w", address, got, err)
		}
	}
	if got, err := talk("web:81"); !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("no such port: %q, %v", got, err)
	}
	for name, address := range map[string]string{
		"the API server": "10.96.0.1:443", "elsewhere": "172.20.0.1:80", "next to a name's": "198.51.100.8:5432",
	} {
		if got, err := talk(address); !errors.Is(err, unix.ENETUNREACH) {
			return fmt.Errorf("%s: %q, %v", name, got, err)
		}
	}
	c.edit(func(f *clusternet.Facts) { f.Addresses = append(f.Addresses, netip.MustParseAddr("172.20.0.9")) })
	err = netsetuptest.Until(ctx, func() error {
		got, err := talk("172.20.0.1:80")
		if err == nil && got != "this is 172.20.0.1:80" {
			err = errors.New(got)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("a new range: %w", err)
	}
	if err := errors.Join(stop(), h.Close()); err != nil {
		return err
	}
	return netsetuptest.Until(ctx, netsetuptest.Unchanged)
}

func helperEnds(ctx context.Context, self string) error {
	h, err := netsetup.Start(ctx, self)
	if err != nil {
		return err
	}
	stop, err := begin(ctx, h, shop())
	if err != nil {
		return err
	}
	if err := unix.Kill(h.PID(), unix.SIGKILL); err != nil {
		return err
	}
	<-h.Ended()
	if err := stop(); !errors.Is(err, errHelper) {
		return fmt.Errorf("without the helper: %v", err)
	}
	_ = h.Close()
	again, err := netsetup.Start(ctx, self)
	if err != nil {
		return err
	}
	return errors.Join(again.Close(), netsetuptest.Until(ctx, netsetuptest.Unchanged))
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	table := clusternet.New(clusternet.Facts{
		ServiceRanges: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/16")},
		Also:          []netip.Prefix{netip.MustParsePrefix("192.168.7.0/24")},
	})
	local := []clusternet.Local{{Network: netip.MustParsePrefix("192.168.7.0/24"), By: "device eth0"}}
	got := Routes(table, local)
	want := strings.Fields("192.0.0.1/32 10.96.0.0/16 192.168.7.0/25 192.168.7.128/25")
	var words []string
	for _, p := range got {
		words = append(words, p.String())
	}
	if !slices.Equal(words, want) {
		t.Errorf("%v, want %v", words, want)
	}
}
