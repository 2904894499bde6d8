package netstack

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// limit is how long anything may take that should happen at once: the machine may be busy.
const limit = time.Minute

// wire is one end of a device of packets in memory.
type wire struct {
	in, out chan []byte
	closed  chan struct{}
	once    *sync.Once
}

// wires are the two ends of a device.
func wires() (wire, wire) {
	a, b := make(chan []byte, 1024), make(chan []byte, 1024)
	closed, once := make(chan struct{}), &sync.Once{}
	return wire{a, b, closed, once}, wire{b, a, closed, once}
}

func (w wire) Read(b []byte) (int, error) {
	select {
	case p := <-w.in:
		return copy(b, p), nil
	case <-w.closed:
		return 0, os.ErrClosed
	}
}

func (w wire) Write(b []byte) (int, error) {
	select {
	case w.out <- bytes.Clone(b):
		return len(b), nil
	case <-w.closed:
		return 0, os.ErrClosed
	}
}

func (w wire) Close() error {
	w.once.Do(func() { close(w.closed) })
	return nil
}

// world is what is behind a stack under test.
type world struct {
	judge, judgeUDP func(netip.AddrPort) Verdict
	dial            func(ctx context.Context, to netip.AddrPort, first []byte) (Conn, error)
	dialUDP         func(ctx context.Context, to netip.AddrPort) (net.Conn, error)
}

func (w *world) JudgeTCP(to netip.AddrPort) Verdict { return w.judge(to) }
func (w *world) JudgeUDP(to netip.AddrPort) Verdict { return w.judgeUDP(to) }
func (w *world) DialUDP(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	return w.dialUDP(ctx, to)
}
func (w *world) DialTCP(ctx context.Context, to netip.AddrPort, first []byte) (Conn, error) {
	return w.dial(ctx, to, first)
}

// host is a TCP connection of this computer as a far end.
type host struct{ *net.TCPConn }

func (h host) Reset() { _ = h.SetLinger(0); _ = h.Close() }

// computer is a program's computer: another stack, on the other end of the device.
type computer struct {
	stack *stack.Stack
	link  *link
}

var (
	address4 = netip.MustParseAddr("192.0.0.2")
	address6 = netip.MustParseAddr("fd00:6e68::2")
	resolver = netip.MustParseAddr("192.0.0.1")
	far      = netip.MustParseAddrPort("10.96.0.10:80")
)

func newComputer(t *testing.T, device io.ReadWriteCloser) *computer {
	t.Helper()
	c := &computer{
		link: newLink(device, netip.Addr{}),
		stack: stack.New(stack.Options{
			NetworkProtocols: []stack.NetworkProtocolFactory{ipv4.NewProtocol, ipv6.NewProtocol},
			TransportProtocols: []stack.TransportProtocolFactory{
				tcp.NewProtocol, udp.NewProtocol, icmp.NewProtocol4, icmp.NewProtocol6,
			},
		}),
	}
	if err := c.stack.CreateNIC(nic, c.link); err != nil {
		t.Fatal(err)
	}
	for _, a := range []netip.Addr{address4, address6} {
		protocol := tcpip.ProtocolAddress{
			Protocol:          header.IPv4ProtocolNumber,
			AddressWithPrefix: tcpip.AddrFromSlice(a.AsSlice()).WithPrefix(),
		}
		if a.Is6() {
			protocol.Protocol = header.IPv6ProtocolNumber
		}
		if err := c.stack.AddProtocolAddress(nic, protocol, stack.AddressProperties{}); err != nil {
			t.Fatal(err)
		}
	}
	c.stack.SetRouteTable([]tcpip.Route{
		{Destination: header.IPv4EmptySubnet, NIC: nic},
		{Destination: header.IPv6EmptySubnet, NIC: nic},
	})
	go c.run()
	return c
}

// run hands all packets to the program's stack, those of ICMP too.
func (c *computer) run() {
	b := make([]byte, MTU)
	for {
		n, err := c.link.device.Read(b)
		if err != nil {
			return
		}
		protocol := tcpip.NetworkProtocolNumber(header.IPv4ProtocolNumber)
		if header.IPVersion(b) == header.IPv6Version {
			protocol = header.IPv6ProtocolNumber
		}
		c.link.deliver(protocol, b[:n])
	}
}

func full(to netip.AddrPort) (tcpip.FullAddress, tcpip.NetworkProtocolNumber) {
	protocol := tcpip.NetworkProtocolNumber(header.IPv4ProtocolNumber)
	if to.Addr().Is6() {
		protocol = header.IPv6ProtocolNumber
	}
	return tcpip.FullAddress{Addr: tcpip.AddrFromSlice(to.Addr().AsSlice()), Port: to.Port()}, protocol
}

func (c *computer) dial(ctx context.Context, to netip.AddrPort) (*gonet.TCPConn, error) {
	address, protocol := full(to)
	return gonet.DialContextTCP(ctx, c.stack, address, protocol)
}

func (c *computer) mustDial(t *testing.T, to netip.AddrPort) *gonet.TCPConn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	conn, err := c.dial(ctx, to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(limit))
	return conn
}

// start is a program's computer with a stack behind it.
func start(t *testing.T, w *world, change func(*Options)) *computer {
	t.Helper()
	near, far := wires()
	refuse := func(netip.AddrPort) Verdict { return Refuse }
	if w.judge == nil {
		w.judge = refuse
	}
	if w.judgeUDP == nil {
		w.judgeUDP = refuse
	}
	o := Options{Device: far, Network: w, DNS: resolver}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	c := newComputer(t, near)
	t.Cleanup(func() { s.Close(); c.stack.Close() })
	return c
}

func always(v Verdict) func(netip.AddrPort) Verdict { return func(netip.AddrPort) Verdict { return v } }

// listen serves TCP on this computer's loopback.
func listen(t *testing.T, serve func(*net.TCPConn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { serve(conn.(*net.TCPConn)) })
		}
	})
	t.Cleanup(func() { l.Close(); serving.Wait() })
	return l.Addr().String()
}

// to connects to an address of this computer, whatever was dialled, and sends the first bytes.
func to(address string) func(context.Context, netip.AddrPort, []byte) (Conn, error) {
	return func(ctx context.Context, _ netip.AddrPort, first []byte) (Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		if _, err := conn.Write(first); err != nil {
			return nil, err
		}
		return host{conn.(*net.TCPConn)}, nil
	}
}

func echo(conn *net.TCPConn) {
	defer conn.Close()
	_, _ = io.Copy(conn, conn)
}

// A refused address is refused at once, whichever way it is known to be so.
func TestRefused(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]*world{
		"known": {judge: always(Refuse)},
		"found out": {judge: always(Dial), dial: func(context.Context, netip.AddrPort, []byte) (Conn, error) {
			return nil, fmt.Errorf("far end: %w", ErrRefused)
		}},
	} {
		for _, address := range []string{"10.96.0.10:80", "[fd00:1::10]:80"} {
			t.Run(name+" "+address, func(t *testing.T) {
				t.Parallel()
				_, err := start(t, w, nil).dial(t.Context(), netip.MustParseAddrPort(address))
				want := (&tcpip.ErrConnectionRefused{}).String()
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %s", err, want)
				}
			})
		}
	}
}

// A host that can't be reached is told so by ICMP, which quotes the program's own packet.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	w := &world{judge: always(Dial), dial: func(context.Context, netip.AddrPort, []byte) (Conn, error) {
		return nil, errors.New("no way there")
	}}
	_, err := start(t, w, nil).dial(t.Context(), far)
	if want := (&tcpip.ErrHostUnreachable{}).String(); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

// The same for IPv6, whose answer the stack that plays the program does not understand, unlike Linux.
func TestUnreachable6(t *testing.T) {
	t.Parallel()
	id := stack.TransportEndpointID{
		LocalAddress:  tcpip.AddrFrom16(netip.MustParseAddr("fd00:1::10").As16()),
		RemoteAddress: tcpip.AddrFrom16(address6.As16()),
	}
	original := bytes.Repeat([]byte{6}, header.IPv6MinimumSize+quoted)
	p := unreachable6(id, original)
	ip := header.IPv6(p)
	icmp := header.ICMPv6(ip.Payload())
	sum := header.ICMPv6Checksum(header.ICMPv6ChecksumParams{
		Header: icmp,
		Src:    ip.SourceAddress(),
		Dst:    ip.DestinationAddress(),
	})
	if !ip.IsValid(len(p)) || ip.DestinationAddress() != id.RemoteAddress || icmp.Checksum() != sum ||
		icmp.Type() != header.ICMPv6DstUnreachable || icmp.Code() != header.ICMPv6AddressUnreachable ||
		!bytes.Equal(icmp[header.ICMPv6DstUnreachableMinimumSize:], original) {
		t.Errorf("%x", p)
	}
}

// A far end that stays silent is silent to the program.
func TestTimeout(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 100)
	w := &world{judge: always(Dial), dial: func(context.Context, netip.AddrPort, []byte) (Conn, error) {
		asked <- struct{}{}
		return nil, ErrTimeout
	}}
	ctx, cancel := context.WithCancel(t.Context())
	c := start(t, w, nil)
	go func() {
		<-asked
		<-asked // the program's kernel has asked again: it knows nothing yet
		cancel()
	}()
	if _, err := c.dial(ctx, far); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// A connection whose far end has to be reached first is accepted after that, and no earlier.
func TestAcceptedBehind(t *testing.T) {
	t.Parallel()
	address := listen(t, echo)
	reached, dialled := make(chan struct{}), make(chan struct{})
	w := &world{judge: always(Dial), dial: func(ctx context.Context, a netip.AddrPort, first []byte) (Conn, error) {
		if a != far || len(first) != 0 {
			t.Errorf("dialled %s with %q", a, first)
		}
		close(dialled)
		<-reached
		return to(address)(ctx, a, first)
	}}
	c := start(t, w, nil)
	connected := make(chan struct{})
	go func() {
		defer close(connected)
		conn, err := c.dial(t.Context(), far)
		if err != nil {
			t.Error(err)
			return
		}
		conn.Close()
	}()
	<-dialled
	select {
	case <-connected:
		t.Error("connected before the far end was reached")
	default:
	}
	close(reached)
	<-connected
}

// A ready Service's connection is accepted at once, and what the program says first travels with the request.
func TestAcceptedAhead(t *testing.T) {
	t.Parallel()
	address := listen(t, echo)
	accepted, first := make(chan struct{}), make(chan []byte, 1)
	w := &world{judge: always(Accept), dial: func(ctx context.Context, a netip.AddrPort, b []byte) (Conn, error) {
		first <- bytes.Clone(b)
		<-accepted
		return to(address)(ctx, a, b)
	}}
	c := start(t, w, nil)
	conn := c.mustDial(t, far)
	if _, err := conn.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	got := <-first
	close(accepted)
	b := make([]byte, 5)
	if _, err := io.ReadFull(conn, b); err != nil || string(b) != "hello" {
		t.Errorf("%q %v", b, err)
	}
	t.Logf("%d bytes travelled with the request", len(got)) // a busy machine may be late with them
}

// A ready Service that is not reached resets the connection; the next attempts wait for the far end.
func TestDoubted(t *testing.T) {
	t.Parallel()
	w := &world{judge: always(Accept), dial: func(context.Context, netip.AddrPort, []byte) (Conn, error) {
		return nil, ErrRefused
	}}
	c := start(t, w, nil)
	conn := c.mustDial(t, far)
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("%v, want a reset", err)
	}
	if _, err := c.dial(t.Context(), far); err == nil {
		t.Error("accepted, though the last attempt has failed")
	}
	address := listen(t, echo)
	w.dial = to(address)
	c.mustDial(t, far)
}

// The end of either direction arrives as such, and the other goes on.
func TestHalfClose(t *testing.T) {
	t.Parallel()
	for name, verdict := range map[string]Verdict{"behind": Dial, "ahead": Accept} {
		t.Run(name+" of the program", func(t *testing.T) {
			t.Parallel()
			address := listen(t, func(conn *net.TCPConn) {
				defer conn.Close()
				all, err := io.ReadAll(conn)
				_, _ = fmt.Fprintf(conn, "%d bytes, %v", len(all), err)
			})
			conn := start(t, &world{judge: always(verdict), dial: to(address)}, nil).mustDial(t, far)
			_, _ = conn.Write(make([]byte, 100000))
			if err := conn.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(conn)
			if string(got) != "100000 bytes, <nil>" || err != nil {
				t.Errorf("%q %v", got, err)
			}
		})
		t.Run(name+" of the far end", func(t *testing.T) {
			t.Parallel()
			rest := make(chan string, 1)
			address := listen(t, func(conn *net.TCPConn) {
				defer conn.Close()
				_, _ = conn.Write([]byte("bye"))
				_ = conn.CloseWrite()
				all, err := io.ReadAll(conn)
				rest <- fmt.Sprint(string(all), err)
			})
			conn := start(t, &world{judge: always(verdict), dial: to(address)}, nil).mustDial(t, far)
			got, err := io.ReadAll(conn)
			if string(got) != "bye" || err != nil {
				t.Errorf("%q %v", got, err)
			}
			_, _ = conn.Write([]byte("and you"))
			_ = conn.CloseWrite()
			if got := <-rest; got != "and you<nil>" {
				t.Errorf("%q", got)
			}
		})
	}
}

// A broken connection is broken at its other end, too.
func TestReset(t *testing.T) {
	t.Parallel()
	t.Run("of the far end", func(t *testing.T) {
		t.Parallel()
		address := listen(t, func(conn *net.TCPConn) {
			_, _ = conn.Read(make([]byte, 1))
			host{conn}.Reset()
		})
		conn := start(t, &world{judge: always(Dial), dial: to(address)}, nil).mustDial(t, far)
		_, _ = conn.Write([]byte("x"))
		if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) || isTimeout(err) {
			t.Errorf("%v, want a reset", err)
		}
	})
	t.Run("of the program", func(t *testing.T) {
		t.Parallel()
		ended := make(chan error, 1)
		address := listen(t, func(conn *net.TCPConn) {
			defer conn.Close()
			_, _ = conn.Write([]byte("x"))
			_, err := conn.Read(make([]byte, 1))
			ended <- err
		})
		c := start(t, &world{judge: always(Dial), dial: to(address)}, nil)
		var queue waiter.Queue
		endpoint, failed := c.stack.NewEndpoint(tcp.ProtocolNumber, header.IPv4ProtocolNumber, &queue)
		if failed != nil {
			t.Fatal(failed)
		}
		entry, ready := waiter.NewChannelEntry(waiter.EventIn)
		queue.EventRegister(&entry)
		at, _ := full(far)
		if err := endpoint.Connect(at); err != nil {
			if _, started := err.(*tcpip.ErrConnectStarted); !started {
				t.Fatal(err)
			}
		}
		<-ready // the far end has written
		endpoint.Abort()
		if err := <-ended; !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%v, want a reset", err)
		}
	})
	t.Run("of the stack", func(t *testing.T) {
		t.Parallel()
		ended := make(chan error, 1)
		address := listen(t, func(conn *net.TCPConn) {
			defer conn.Close()
			_, err := conn.Read(make([]byte, 1))
			ended <- err
		})
		near, device := wires()
		s, err := New(Options{Device: device, Network: &world{judge: always(Dial), dial: to(address)}, DNS: resolver})
		if err != nil {
			t.Fatal(err)
		}
		c := newComputer(t, near)
		c.mustDial(t, far)
		s.Close()
		if err := <-ended; !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%v, want a reset", err)
		}
	})
}

// Many connections at once carry much, and all of it arrives.
func TestBulk(t *testing.T) {
	t.Parallel()
	address := listen(t, echo)
	c := start(t, &world{judge: always(Accept), dial: to(address)}, nil)
	const connections, size = 16, 4 << 20
	var carrying sync.WaitGroup
	for i := range connections {
		conn := c.mustDial(t, far)
		carrying.Go(func() {
			data := make([]byte, size)
			_, _ = rand.NewChaCha8([32]byte{byte(i)}).Read(data)
			var sending sync.WaitGroup
			sending.Go(func() {
				_, _ = conn.Write(data)
				_ = conn.CloseWrite()
			})
			sum := sha256.New()
			n, err := io.Copy(sum, conn)
			sending.Wait()
			if want := sha256.Sum256(data); !bytes.Equal(sum.Sum(nil), want[:]) || err != nil {
				t.Errorf("%d bytes of %d, %v", n, size, err)
			}
		})
	}
	carrying.Wait()
}

// A thousand connections are open at once.
func TestThousand(t *testing.T) {
	t.Parallel()
	address := listen(t, echo)
	c := start(t, &world{judge: always(Dial), dial: to(address)}, nil)
	const connections = 1000
	all := make([]*gonet.TCPConn, connections)
	var opening sync.WaitGroup
	for i := range all {
		opening.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			conn, err := c.dial(ctx, far)
			if err != nil {
				t.Error(err)
				return
			}
			all[i] = conn
		})
	}
	opening.Wait()
	for _, conn := range all {
		if conn == nil {
			t.FailNow()
		}
		_ = conn.SetDeadline(time.Now().Add(limit))
		b := []byte("ping")
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, b); err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
}

// A slow reader slows the writer down; nothing is lost, and nothing piles up.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	written := make(chan int64, 1)
	address := listen(t, func(conn *net.TCPConn) {
		defer conn.Close()
		n, _ := io.Copy(conn, io.LimitReader(zeros{}, 64<<20))
		written <- n
	})
	conn := start(t, &world{judge: always(Dial), dial: to(address)}, nil).mustDial(t, far)
	if _, err := io.CopyN(io.Discard, conn, 1<<20); err != nil {
		t.Fatal(err)
	}
	select {
	case n := <-written:
		t.Errorf("the far end has written %d bytes that no one reads", n)
	default:
	}
	n, err := io.Copy(io.Discard, conn)
	if want := int64(63 << 20); n != want || err != nil {
		t.Errorf("%d bytes, want %d; %v", n, want, err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func (c *computer) udp(t *testing.T, to netip.AddrPort) *gonet.UDPConn {
	t.Helper()
	address, protocol := full(to)
	conn, err := gonet.DialUDP(c.stack, nil, &address, protocol)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(limit))
	return conn
}

// repeating is a network whose flows send back what comes, with the address before it. Ended gets each that has ended.
func repeating(ended chan<- struct{}) *world {
	return &world{judgeUDP: always(Dial), dialUDP: func(_ context.Context, to netip.AddrPort) (net.Conn, error) {
		a, b := wires()
		go func() {
			buffer := make([]byte, 1<<16)
			for {
				n, err := b.Read(buffer)
				if err != nil {
					ended <- struct{}{}
					return
				}
				_, _ = b.Write(append([]byte(to.String()+" "), buffer[:n]...))
			}
		}()
		return flowConn{a}, nil
	}}
}

// Datagrams travel both ways, each as one, large ones too.
func TestUDP(t *testing.T) {
	t.Parallel()
	c := start(t, repeating(make(chan struct{}, 10)), nil)
	for _, address := range []string{"10.96.0.10:53", "[fd00:1::10]:53"} {
		to := netip.MustParseAddrPort(address)
		for _, size := range []int{1, 1400, 9000, 60000} {
			conn := c.udp(t, to)
			data := bytes.Repeat([]byte("x"), size)
			if _, err := conn.Write(data); err != nil {
				t.Fatal(err)
			}
			b := make([]byte, 1<<16)
			n, err := conn.Read(b)
			if want := to.String() + " " + string(data); string(b[:n]) != want || err != nil {
				t.Errorf("%d bytes to %s: %d bytes back, %v", size, to, n, err)
			}
		}
	}
}

// A flow ends when no datagram comes.
func TestIdleFlow(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{}, 1)
	c := start(t, repeating(ended), func(o *Options) { o.UDPIdle = 10 * time.Millisecond })
	if _, err := c.udp(t, netip.MustParseAddrPort("10.96.0.10:53")).Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	<-ended
}

// flowConn is a wire as a flow.
type flowConn struct{ wire }

func (flowConn) LocalAddr() net.Addr              { return nil }
func (flowConn) RemoteAddr() net.Addr             { return nil }
func (flowConn) SetDeadline(time.Time) error      { return nil }
func (flowConn) SetReadDeadline(time.Time) error  { return nil }
func (flowConn) SetWriteDeadline(time.Time) error { return nil }

// A port of no Service is told as a closed one.
func TestUDPRefused(t *testing.T) {
	t.Parallel()
	conn := start(t, &world{judgeUDP: always(Refuse)}, nil).udp(t, netip.MustParseAddrPort("10.96.0.10:53"))
	if _, err := conn.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	want := (&tcpip.ErrConnectionRefused{}).String()
	for last := time.Now().Add(limit); ; { // a Read that waits does not wake up by it
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		_, err := conn.Read(make([]byte, 1))
		if err != nil && strings.Contains(err.Error(), want) {
			return
		}
		if time.Now().After(last) {
			t.Fatalf("%v, want %s", err, want)
		}
	}
}

// Questions are answered by UDP and TCP, each on its own.
func TestDNS(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	c := start(t, &world{}, func(o *Options) {
		o.Answer = func(_ context.Context, message []byte, tcp bool) []byte {
			if string(message) == "slow" {
				<-hold
			}
			return fmt.Appendf(nil, "%s %t", message, tcp)
		}
	})
	server := netip.AddrPortFrom(resolver, 53)
	datagrams := c.udp(t, server)
	for _, question := range []string{"slow", "quick"} {
		if _, err := datagrams.Write([]byte(question)); err != nil {
			t.Fatal(err)
		}
	}
	b := make([]byte, 100)
	for _, want := range []string{"quick false", "slow false"} {
		n, err := datagrams.Read(b)
		if string(b[:n]) != want || err != nil {
			t.Errorf("%q, want %q; %v", b[:n], want, err)
		}
		if want == "quick false" {
			close(hold)
		}
	}
	conn := c.mustDial(t, server)
	if _, err := conn.Write([]byte("\x00\x01a\x00\x02bc")); err != nil {
		t.Fatal(err)
	}
	const want = "\x00\x06a true\x00\x07bc true"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); string(got) != want || err != nil {
		t.Errorf("%q %v", got, err)
	}
}

// No ping is answered: the stack knows nothing of the host.
func TestPing(t *testing.T) {
	t.Parallel()
	near, device := wires()
	s, err := New(Options{Device: device, Network: &world{judge: always(Refuse)}, DNS: resolver})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ping := make([]byte, header.IPv4MinimumSize+header.ICMPv4MinimumSize)
	h := header.IPv4(ping)
	h.Encode(&header.IPv4Fields{
		TotalLength: uint16(len(ping)),
		TTL:         hops,
		Protocol:    uint8(header.ICMPv4ProtocolNumber),
		SrcAddr:     tcpip.AddrFrom4(address4.As4()),
		DstAddr:     tcpip.AddrFrom4(far.Addr().As4()),
	})
	h.SetChecksum(^h.CalculateChecksum())
	icmp := header.ICMPv4(ping[header.IPv4MinimumSize:])
	icmp.SetType(header.ICMPv4Echo)
	icmp.SetChecksum(header.ICMPv4Checksum(icmp, 0))
	if _, err := near.Write(ping); err != nil {
		t.Fatal(err)
	}
	// The connection that follows is answered first.
	c := newComputer(t, tap{near, t})
	if _, err := c.dial(t.Context(), far); err == nil {
		t.Error("accepted")
	}
}

// tap fails the test at an answer of ICMP.
type tap struct {
	wire
	t *testing.T
}

func (w tap) Read(b []byte) (int, error) {
	n, err := w.wire.Read(b)
	if n > header.IPv4MinimumSize && header.IPVersion(b) == header.IPv4Version &&
		header.IPv4(b).TransportProtocol() == header.ICMPv4ProtocolNumber {
		w.t.Error("a ping was answered")
	}
	return n, err
}

// Packets of any form do no harm.
func FuzzPackets(f *testing.F) {
	f.Add([]byte{0x45}, []byte{0x60})
	f.Add(make([]byte, 40), append([]byte{0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6}, make([]byte, 30)...))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		near, device := wires()
		s, err := New(Options{
			Device: device, Network: &world{judge: always(Refuse), judgeUDP: always(Refuse)}, DNS: resolver,
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range [][]byte{a, b} {
			_, _ = near.Write(p[:min(len(p), MTU)])
		}
		s.Close()
	})
}
