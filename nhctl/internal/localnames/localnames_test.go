package localnames

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/clusternet"
	"github.com/nhctl/nhctl/nhctl/internal/delay"
	"github.com/nhctl/nhctl/nhctl/internal/hostsfile"
)

// changing is a cluster's network that a test changes.
type changing struct {
	mu      sync.Mutex
	table   *clusternet.Table
	changed chan struct{}
}

func (c *changing) Table() *clusternet.Table { c.mu.Lock(); defer c.mu.Unlock(); return c.table }
func (c *changing) Changed() <-chan struct{} { c.mu.Lock(); defer c.mu.Unlock(); return c.changed }
func (c *changing) set(services ...clusternet.Service) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.table = facts(services...)
	close(c.changed)
	c.changed = make(chan struct{})
}

// computer is one on which names are served; its ports have other numbers than those that are asked for, so that tests
// need none of the machine's.
type computer struct {
	mu      sync.Mutex
	real    map[netip.AddrPort]net.Listener
	taken   map[netip.AddrPort]bool
	lines   []hostsfile.Line
	notices []Notice
	dialled []string
}

func (c *computer) listen(_ context.Context, at netip.AddrPort) (net.Listener, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.taken[at] {
		return nil, syscall.EADDRINUSE
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		c.real[at] = l
	}
	return l, err
}

func (c *computer) dial(_ context.Context, to netip.AddrPort) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dialled = append(c.dialled, to.String())
	if to.Addr() == netip.MustParseAddr("10.244.0.9") {
		return nil, errors.New("no way there")
	}
	near, far := net.Pipe()
	go func() {
		fmt.Fprintf(far, "hello from %s", to)
		far.Close()
	}()
	return near, nil
}

// talk connects to an address of the computer's, and returns what comes.
func (c *computer) talk(at netip.AddrPort) (string, error) {
	c.mu.Lock()
	l := c.real[at]
	c.mu.Unlock()
	if l == nil {
		return "", errors.New("nothing listens")
	}
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return "", err
	}
	defer conn.Close()
	data, err := io.ReadAll(conn)
	return string(data), err
}

func (c *computer) address(name string) (netip.Addr, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, line := range c.lines {
		if slices.Contains(line.Names, name) {
			return line.Address, true
		}
	}
	return netip.Addr{}, false
}

// serve serves a cluster's names until the test ends.
func serve(t *testing.T, source *changing, c *computer) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done, ready := make(chan error, 1), make(chan int, 1)
	go func() {
		done <- Serve(ctx, Options{
			Selection: selection(t, "", "shop"),
			Sources:   []Source{source},
			Dial:      c.dial,
			Listen:    c.listen,
			Publish: func(lines []hostsfile.Line) error {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.lines = lines
				return nil
			},
			Notice: func(n Notice) {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.notices = append(c.notices, n)
			},
		}, func(n int) { ready <- n })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for at, l := range c.real {
			if l.Close() == nil {
				t.Errorf("%s is still open", at)
			}
		}
	})
	select {
	case <-ready:
	case err := <-done:
		done <- err
		t.Fatal(err)
	}
}

func newComputer() *computer {
	return &computer{real: map[netip.AddrPort]net.Listener{}, taken: map[netip.AddrPort]bool{}}
}

// until waits for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !ok() {
		if delay.For(ctx, 5*time.Millisecond) != nil {
			t.Fatal(what)
		}
	}
}

func TestServe(t *testing.T) {
	t.Parallel()
	source, c := &changing{table: facts(web("shop"), db()), changed: make(chan struct{})}, newComputer()
	serve(t, source, c)
	address, ok := c.address("web.shop")
	if !ok {
		t.Fatalf("%v", c.lines)
	}
	if got, err := c.talk(netip.AddrPortFrom(address, 80)); got != "hello from 10.96.0.10:80" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := c.talk(netip.AddrPortFrom(address, 81)); err == nil {
		t.Errorf("a port without an endpoint: %q", got)
	}
	pod, _ := c.address("db-0.db")
	if got, err := c.talk(netip.AddrPortFrom(pod, 5432)); got != "hello from 10.244.0.7:5432" {
		t.Errorf("%q, %v", got, err)
	}
	gone, _ := c.address("10-244-0-9.db")
	if got, err := c.talk(netip.AddrPortFrom(gone, 5433)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a far end that is not reached: %q, %v", got, err)
	}
}

// Services, ports and pods come and go.
func TestServeFollows(t *testing.T) {
	t.Parallel()
	source, c := &changing{table: facts(web("shop")), changed: make(chan struct{})}, newComputer()
	serve(t, source, c)
	address, _ := c.address("web")
	empty := web("shop")
	empty.Endpoints = nil
	source.set(empty, db())
	until(t, "the headless Service comes", func() bool { _, ok := c.address("db-0.db"); return ok })
	if got, err := c.talk(netip.AddrPortFrom(address, 80)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a Service without endpoints: %q, %v", got, err)
	}
	if same, ok := c.address("web"); !ok || same != address {
		t.Errorf("%v, it was %v", same, address)
	}
	source.set(web("shop"))
	until(t, "the headless Service goes", func() bool { _, ok := c.address("db-0.db"); return !ok })
	if got, err := c.talk(netip.AddrPortFrom(address, 80)); err != nil {
		t.Errorf("endpoints are back: %q, %v", got, err)
	}
}

// A taken port makes an entry take another address; one that is taken on all of them stays its owner's.
func TestServeTaken(t *testing.T) {
	t.Parallel()
	source, c := &changing{table: facts(web("shop")), changed: make(chan struct{})}, newComputer()
	all := candidates("web.shop.svc.cluster.local", 1, func(netip.Addr) bool { return false })
	c.taken[netip.AddrPortFrom(all[0], 80)] = true
	serve(t, source, c)
	if a, _ := c.address("web"); a != all[0].Next() || len(c.notices) != 0 {
		t.Errorf("%v, %v", a, c.notices)
	}
}

func TestServeTakenEverywhere(t *testing.T) {
	t.Parallel()
	source, c := &changing{table: facts(web("shop")), changed: make(chan struct{})}, newComputer()
	all := candidates("web.shop.svc.cluster.local", 10, func(netip.Addr) bool { return false })
	for _, a := range all {
		c.taken[netip.AddrPortFrom(a, 80)] = true
	}
	serve(t, source, c)
	c.mu.Lock()
	notices := c.notices
	c.mu.Unlock()
	if len(notices) != 1 || notices[0].Name != "web" || !errors.Is(notices[0].Err, syscall.EADDRINUSE) {
		t.Errorf("%+v", notices)
	}
}
