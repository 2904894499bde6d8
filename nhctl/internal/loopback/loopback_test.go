package loopback

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"syscall"
)

func TestParse(t *testing.T) {
	t.Parallel()
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12345 1 0 100 0 0 10 0
   1: 0100007F:1F91 0100007F:ABCD 01 00000000:00000000 00:00000000 00000000  1000        0 12346 1 0 100 0 0 10 0
   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7 1 0 100 0 0 10 0
   3: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 8 1
   4: 0000000000000000FFFF00000100007F:0051 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 9 1
   5: nonsense 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7 1
   6: 0100007F:1F90
`
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the table is one of a little-endian machine")
	}
	want := []Socket{
		{netip.MustParseAddrPort("127.0.0.1:8080"), 12345},
		{netip.MustParseAddrPort("0.0.0.0:22"), 7},
		{netip.MustParseAddrPort("[::1]:80"), 8},
		{netip.MustParseAddrPort("127.0.0.1:81"), 9},
	}
	equal := cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })
	if diff := cmp.Diff(want, parse(table), equal); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// network is one computer's loopback in memory.
type network struct {
	mu        sync.Mutex
	listeners map[netip.AddrPort]*listener
	inode     uint64
	forbidden uint16 // a port that may not be opened
}

type listener struct {
	network *network
	address netip.AddrPort
	inode   uint64
	conns   chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func newNetwork() *network { return &network{listeners: map[netip.AddrPort]*listener{}} }

func (n *network) listen(_ context.Context, a netip.AddrPort) (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if a.Port() == n.forbidden {
		return nil, syscall.EACCES
	}
	for _, l := range n.listeners {
		if l.address.Port() == a.Port() && (l.address.Addr() == a.Addr() || l.address.Addr().IsUnspecified()) {
			return nil, syscall.EADDRINUSE
		}
	}
	n.inode++
	l := &listener{network: n, address: a, inode: n.inode, conns: make(chan net.Conn), closed: make(chan struct{})}
	n.listeners[a] = l
	return l, nil
}

func (n *network) dial(ctx context.Context, a netip.AddrPort) (net.Conn, error) {
	n.mu.Lock()
	l := n.listeners[a]
	for _, other := range n.listeners {
		if other.address.Port() == a.Port() && other.address.Addr().IsUnspecified() {
			l = other
		}
	}
	n.mu.Unlock()
	if l == nil {
		return nil, syscall.ECONNREFUSED
	}
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.closed:
		return nil, syscall.ECONNREFUSED
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (n *network) sockets() ([]Socket, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []Socket
	for _, l := range n.listeners {
		all = append(all, Socket{l.address, l.inode})
	}
	return all, nil
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.network.mu.Lock()
		delete(l.network.listeners, l.address)
		l.network.mu.Unlock()
	})
	return nil
}

func (l *listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.address) }

// open has a program listen, and say its name to whoever connects.
func (n *network) open(t *testing.T, address, name string) net.Listener {
	t.Helper()
	l, err := n.listen(t.Context(), netip.MustParseAddrPort(address))
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, name)
			conn.Close()
		}
	}()
	return l
}

func (n *network) side() Side { return Side{Sockets: n.sockets, Listen: n.listen, Dial: n.dial} }

// pair are two networks that are joined.
type pair struct {
	inside, outside *network
	mu              sync.Mutex
	notices         []string
	foreign         netip.AddrPort
}

// join joins two networks in a bubble until the test ends.
func join(t *testing.T) *pair {
	t.Helper()
	p := &pair{inside: newNetwork(), outside: newNetwork()}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		Join(ctx, Options{
			Inside:  p.inside.side(),
			Outside: p.outside.side(),
			Foreign: func(s Socket) bool { return s.Address == p.foreign },
			Notice: func(n Notice) {
				p.mu.Lock()
				defer p.mu.Unlock()
				p.notices = append(p.notices, fmt.Sprint(n.Port, " ", n.Err))
			},
		})
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		for _, n := range []*network{p.inside, p.outside} {
			for _, l := range n.listeners {
				l.Close()
			}
		}
	})
	return p
}

// settle lets the tables be read twice.
func settle() {
	time.Sleep(2*interval + time.Millisecond)
	synctest.Wait()
}

func (p *pair) want(t *testing.T, n *network, address, want string) {
	t.Helper()
	settle()
	got := "refused"
	conn, err := n.dial(t.Context(), netip.MustParseAddrPort(address))
	if err == nil {
		all, _ := io.ReadAll(conn)
		got = string(all)
	}
	if got != want {
		t.Errorf("%s: %q, want %q", address, got, want)
	}
}

func (p *pair) told(t *testing.T, want ...string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	slices.Sort(p.notices)
	if diff := cmp.Diff(want, p.notices); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	p.notices = nil
}

// Ports that open inside can be reached outside, on loopback, for as long as they are open.
func TestOffer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := join(t)
		l := p.inside.open(t, "127.0.0.1:8080", "inside")
		p.inside.open(t, "0.0.0.0:8081", "everywhere")
		p.inside.open(t, "[::1]:8082", "six")
		p.inside.open(t, "10.0.0.1:8083", "not local")
		p.want(t, p.outside, "127.0.0.1:8080", "inside")
		p.want(t, p.outside, "[::1]:8080", "inside")
		p.want(t, p.outside, "127.0.0.1:8081", "everywhere")
		p.want(t, p.outside, "127.0.0.1:8082", "six")
		p.want(t, p.outside, "127.0.0.1:8083", "refused")
		p.told(t, "8080 <nil>", "8081 <nil>", "8082 <nil>")
		l.Close()
		p.want(t, p.outside, "127.0.0.1:8080", "refused")
	})
}

// The computer's ports are there inside, with their own addresses of loopback.
func TestAppear(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := join(t)
		l := p.outside.open(t, "127.0.0.1:5432", "database")
		p.outside.open(t, "127.0.0.53:53", "resolver")
		p.outside.open(t, "[::]:22", "shell")
		p.outside.open(t, "192.168.1.5:80", "not local")
		p.want(t, p.inside, "127.0.0.1:5432", "database")
		p.want(t, p.inside, "127.0.0.53:53", "resolver")
		p.want(t, p.inside, "127.0.0.1:22", "shell")
		p.want(t, p.inside, "[::1]:22", "shell")
		p.want(t, p.inside, "127.0.0.1:80", "refused")
		l.Close()
		p.want(t, p.inside, "127.0.0.1:5432", "refused")
		p.told(t)
	})
}

// A port that someone has outside stays theirs, and the user is told once; it is offered when it is free.
func TestTaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := join(t)
		p.inside.open(t, "127.0.0.1:8080", "inside") // before it is seen outside
		theirs := p.outside.open(t, "127.0.0.1:8080", "theirs")
		p.want(t, p.outside, "127.0.0.1:8080", "theirs")
		p.want(t, p.inside, "127.0.0.1:8080", "inside")
		p.told(t, "8080 address already in use")
		settle()
		p.told(t)
		theirs.Close()
		p.want(t, p.outside, "127.0.0.1:8080", "inside")
		p.told(t, "8080 <nil>")
	})
}

// What another enclosure's command has opened does not appear: the same service's port is free for each.
func TestForeign(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := join(t)
		p.foreign = netip.MustParseAddrPort("127.0.0.1:8080")
		p.outside.open(t, "127.0.0.1:8080", "another run's")
		p.want(t, p.inside, "127.0.0.1:8080", "refused")
		p.inside.open(t, "127.0.0.1:8080", "inside")
		p.want(t, p.inside, "127.0.0.1:8080", "inside")
		p.told(t, "8080 address already in use")
	})
}

// A port that the user may not open is told, too.
func TestForbidden(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := join(t)
		p.outside.forbidden = 80
		p.inside.open(t, "0.0.0.0:80", "inside")
		p.want(t, p.outside, "127.0.0.1:80", "refused")
		p.told(t, "80 "+syscall.EACCES.Error())
	})
}

// Nothing stays open on either side.
func TestEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		inside, outside := newNetwork(), newNetwork()
		a, b := inside.open(t, "127.0.0.1:1", "a"), outside.open(t, "127.0.0.1:2", "b")
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		joined := make(chan struct{})
		go func() {
			defer close(done)
			Join(ctx, Options{
				Inside: inside.side(), Outside: outside.side(),
				Foreign: func(Socket) bool { return false }, Notice: func(Notice) {},
				Joined: func() { close(joined) },
			})
		}()
		<-joined
		if _, err := inside.dial(ctx, netip.MustParseAddrPort("127.0.0.1:2")); err != nil {
			t.Error(err)
		}
		if _, err := outside.dial(ctx, netip.MustParseAddrPort("127.0.0.1:1")); err != nil {
			t.Error(err)
		}
		cancel()
		<-done
		a.Close()
		b.Close()
		if len(inside.listeners)+len(outside.listeners) != 0 {
			t.Errorf("still open: %v %v", inside.listeners, outside.listeners)
		}
		_, err := outside.dial(t.Context(), netip.MustParseAddrPort("127.0.0.1:1"))
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Error(err)
		}
	})
}
