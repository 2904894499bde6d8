// Package netstack is a network behind a device of packets: it ends TCP connections and UDP flows to any address, and
// carries them on by functions that it is given. What becomes of a connection is told as a network would tell it:
// refused, unreachable, reset, half closed. It knows neither clusters nor where its packets come from.
package netstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
)

// MTU is the size of the device's packets in bytes. Large packets cost a fraction of the processor's time.
const MTU = 65520

// Limits, so that no program can use up the computer.
const (
	maxDials = 4096 // attempts to connect at a time; others are asked to try again by silence
	maxFlows = 1024 // UDP flows at a time
	// dialLimit is how long an attempt may take: longer than a kernel's own patience with the first packets.
	dialLimit = 75 * time.Second
	// flowLimit is how long the beginning of a UDP flow may take: what comes later is of no use.
	flowLimit = 10 * time.Second
	// timeWait is how long an ended connection is remembered: no packet is ever late here.
	timeWait = time.Second
	// firstWait is how long the first bytes of a connection are waited for that was accepted ahead of its far end.
	firstWait = time.Millisecond
)

// Verdict says what becomes of a connection.
type Verdict int

const (
	// Dial accepts it once the far end was reached.
	Dial Verdict = iota
	// Accept accepts it at once: the far end can be relied on.
	Accept
	// Refuse refuses it at once.
	Refuse
)

// Reasons why a far end was not reached.
var (
	// ErrRefused is told as a refused connection.
	ErrRefused = errors.New("connection refused")
	// ErrTimeout is told by silence.
	ErrTimeout = errors.New("no answer")
)

// Conn is a connection to a far end. Close without CloseWrite or the far end's own end cuts it off.
type Conn interface {
	net.Conn
	// CloseWrite tells the far end that nothing more comes.
	CloseWrite() error
	// Reset tells the far end that the connection is broken.
	Reset()
}

// Network is what is behind the stack.
type Network interface {
	// JudgeTCP and JudgeUDP say what becomes of a connection or a flow, without waiting.
	JudgeTCP(to netip.AddrPort) Verdict
	JudgeUDP(to netip.AddrPort) Verdict
	// DialTCP connects to an address; first are bytes to send at once. Errors that are neither ErrRefused nor
	// ErrTimeout are told as an unreachable host.
	DialTCP(ctx context.Context, to netip.AddrPort, first []byte) (Conn, error)
	// DialUDP opens a flow, of which each read and each write is one datagram.
	DialUDP(ctx context.Context, to netip.AddrPort) (net.Conn, error)
}

// Options are what a Stack needs.
type Options struct {
	// Device has packets: each Read returns one, each Write takes one. Close ends a Read.
	Device io.ReadWriteCloser
	// Network is what is behind the stack.
	Network Network
	// DNS is the address of the server that Answer answers for, by UDP and TCP at port 53. A nil answer is none.
	DNS    netip.Addr
	Answer func(ctx context.Context, message []byte, tcp bool) []byte
	// UDPIdle is how long a flow without datagrams lives; 0 means a minute.
	UDPIdle time.Duration
}

const (
	nic            = 1
	defaultUDPIdle = time.Minute
)

// Stack is a running network.
type Stack struct {
	o       Options
	ctx     context.Context
	cancel  context.CancelFunc
	stack   *stack.Stack
	link    *link
	doubts  doubts
	flows   chan struct{}
	buffers sync.Pool // of *[bulkSize]byte
	running sync.WaitGroup
	done    chan struct{}
	mu      sync.Mutex
	closing bool
}

// New starts a network on a device. Close ends it.
func New(o Options) (*Stack, error) {
	if o.UDPIdle == 0 {
		o.UDPIdle = defaultUDPIdle
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Stack{
		o:      o,
		ctx:    ctx,
		cancel: cancel,
		link:   newLink(o.Device, o.DNS),
		flows:  make(chan struct{}, maxFlows),
		done:   make(chan struct{}),
	}
	s.buffers.New = func() any { return new([bulkSize]byte) }
	s.stack = stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, ipv6.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol},
	})
	if err := s.configure(); err != nil {
		cancel()
		s.stack.Close()
		return nil, err
	}
	go func() {
		s.link.run()
		close(s.done)
	}()
	return s, nil
}

// configure makes the stack one that answers for every address.
func (s *Stack) configure() error {
	sack, receive, send := tcpip.TCPSACKEnabled(true),
		tcpip.TCPReceiveBufferSizeRangeOption{Min: tcp.MinBufferSize, Default: tcp.DefaultReceiveBufferSize,
			Max: tcp.MaxBufferSize},
		tcpip.TCPSendBufferSizeRangeOption{Min: tcp.MinBufferSize, Default: tcp.DefaultSendBufferSize,
			Max: tcp.MaxBufferSize}
	moderate, wait := tcpip.TCPModerateReceiveBufferOption(true), tcpip.TCPTimeWaitTimeoutOption(timeWait)
	for _, option := range []tcpip.SettableTransportProtocolOption{&sack, &receive, &send, &moderate, &wait} {
		if err := s.stack.SetTransportProtocolOption(tcp.ProtocolNumber, option); err != nil {
			return fmt.Errorf("set up TCP: %s", err)
		}
	}
	if err := s.stack.CreateNIC(nic, s.link); err != nil {
		return fmt.Errorf("set up the network: %s", err)
	}
	if err := s.stack.SetPromiscuousMode(nic, true); err != nil {
		return fmt.Errorf("set up the network: %s", err)
	}
	if err := s.stack.SetSpoofing(nic, true); err != nil {
		return fmt.Errorf("set up the network: %s", err)
	}
	s.stack.SetRouteTable([]tcpip.Route{
		{Destination: header.IPv4EmptySubnet, NIC: nic},
		{Destination: header.IPv6EmptySubnet, NIC: nic},
	})
	s.stack.SetTransportProtocolHandler(tcp.ProtocolNumber, tcp.NewForwarder(s.stack, 0, maxDials, s.tcp).HandlePacket)
	s.stack.SetTransportProtocolHandler(udp.ProtocolNumber, udp.NewForwarder(s.stack, s.udp).HandlePacket)
	return nil
}

// Done is closed when the device has ended.
func (s *Stack) Done() <-chan struct{} { return s.done }

// Close ends all connections and the device, and waits for all that works for them.
func (s *Stack) Close() {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	s.cancel()
	s.running.Wait()
	s.stack.Close()
	_ = s.o.Device.Close()
	<-s.done
	s.stack.Wait()
}

// enter counts a goroutine of a connection, unless the stack is being closed.
func (s *Stack) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.running.Add(1)
	return true
}

// target is where a connection leads.
func target(id stack.TransportEndpointID) netip.AddrPort {
	a, _ := netip.AddrFromSlice(id.LocalAddress.AsSlice())
	return netip.AddrPortFrom(a, id.LocalPort)
}

// isDNS says whether an address is that of the stack's own server.
func (s *Stack) isDNS(to netip.AddrPort) bool {
	const port = 53
	return s.o.Answer != nil && to.Addr() == s.o.DNS && to.Port() == port
}

// doubts are addresses that were accepted ahead and then not reached.
type doubts struct {
	mu    sync.Mutex
	until map[netip.AddrPort]time.Time
}

const (
	doubtTime = 10 * time.Second
	maxDoubts = 1024
)

func (d *doubts) note(to netip.AddrPort) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.until == nil || len(d.until) >= maxDoubts {
		d.until = map[netip.AddrPort]time.Time{}
	}
	d.until[to] = time.Now().Add(doubtTime)
}

func (d *doubts) clear(to netip.AddrPort) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.until, to)
}

func (d *doubts) has(to netip.AddrPort) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Now().Before(d.until[to])
}
