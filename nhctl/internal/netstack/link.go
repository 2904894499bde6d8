package netstack

import (
	"io"
	"net/netip"
	"sync"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// link is the stack's end of a device of packets.
type link struct {
	device io.ReadWriteCloser
	router netip.Addr // speaks for hosts that can't be reached

	mu         sync.RWMutex
	dispatcher stack.NetworkDispatcher

	attemptsMu sync.Mutex
	// attempts are the beginnings of the packets that ask for a connection: an answer of ICMP quotes them.
	attempts map[stack.TransportEndpointID][]byte

	writing sync.Mutex
	buffer  []byte
}

func newLink(device io.ReadWriteCloser, router netip.Addr) *link {
	return &link{
		device:   device,
		router:   router,
		attempts: map[stack.TransportEndpointID][]byte{},
		buffer:   make([]byte, 0, MTU),
	}
}

// run hands the device's packets to the stack until the device ends.
func (l *link) run() {
	b := make([]byte, MTU+1)
	for {
		n, err := l.device.Read(b)
		if err != nil {
			return
		}
		if n > MTU {
			continue
		}
		if protocol, ok := l.admit(b[:n]); ok {
			l.deliver(protocol, b[:n])
		}
	}
}

// admit says which packets reach the stack: those of TCP and UDP. The stack would answer a ping for a host that it
// knows nothing of.
func (l *link) admit(p []byte) (tcpip.NetworkProtocolNumber, bool) {
	switch header.IPVersion(p) {
	case header.IPv4Version:
		h := header.IPv4(p)
		if len(p) < header.IPv4MinimumSize || !h.IsValid(len(p)) {
			return 0, false
		}
		transport := h.TransportProtocol()
		if transport == header.TCPProtocolNumber && h.FragmentOffset() == 0 && !h.More() {
			l.note(h.SourceAddress(), h.DestinationAddress(), p, int(h.HeaderLength()))
		}
		return header.IPv4ProtocolNumber, transport == header.TCPProtocolNumber ||
			transport == header.UDPProtocolNumber
	case header.IPv6Version:
		h := header.IPv6(p)
		if len(p) < header.IPv6MinimumSize || !h.IsValid(len(p)) {
			return 0, false
		}
		transport := tcpip.TransportProtocolNumber(h.NextHeader()) // packets with further headers are left out
		if transport == header.TCPProtocolNumber {
			l.note(h.SourceAddress(), h.DestinationAddress(), p, header.IPv6MinimumSize)
		}
		return header.IPv6ProtocolNumber, transport == header.TCPProtocolNumber ||
			transport == header.UDPProtocolNumber
	}
	return 0, false
}

// quoted is how much of a TCP header an answer of ICMP quotes: its ports and sequence number.
const quoted = 8

// note keeps the beginning of a packet that asks for a connection.
func (l *link) note(from, to tcpip.Address, p []byte, size int) {
	if len(p) < size+header.TCPMinimumSize {
		return
	}
	h := header.TCP(p[size:])
	if h.Flags()&(header.TCPFlagSyn|header.TCPFlagAck) != header.TCPFlagSyn {
		return
	}
	id := stack.TransportEndpointID{
		LocalAddress:  to,
		LocalPort:     h.DestinationPort(),
		RemoteAddress: from,
		RemotePort:    h.SourcePort(),
	}
	l.attemptsMu.Lock()
	defer l.attemptsMu.Unlock()
	if len(l.attempts) < 2*maxDials {
		l.attempts[id] = append([]byte(nil), p[:size+quoted]...)
	}
}

// forget removes what is kept of an attempt, and returns it.
func (l *link) forget(id stack.TransportEndpointID) []byte {
	l.attemptsMu.Lock()
	defer l.attemptsMu.Unlock()
	p := l.attempts[id]
	delete(l.attempts, id)
	return p
}

func (l *link) deliver(protocol tcpip.NetworkProtocolNumber, p []byte) {
	l.mu.RLock()
	d := l.dispatcher
	l.mu.RUnlock()
	if d == nil {
		return
	}
	pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(p)})
	d.DeliverNetworkPacket(protocol, pkt)
	pkt.DecRef()
}

// unreachable tells whoever sent a packet that its host can't be reached.
func (l *link) unreachable(id stack.TransportEndpointID, original []byte) {
	if len(original) == 0 {
		return
	}
	var p []byte
	if id.RemoteAddress.Len() == header.IPv4AddressSize {
		p = l.unreachable4(id, original)
	} else {
		p = unreachable6(id, original)
	}
	l.writing.Lock()
	defer l.writing.Unlock()
	_, _ = l.device.Write(p)
}

const hops = 64

func (l *link) unreachable4(id stack.TransportEndpointID, original []byte) []byte {
	from := id.LocalAddress
	if l.router.Is4() {
		from = tcpip.AddrFrom4(l.router.As4())
	}
	p := make([]byte, header.IPv4MinimumSize+header.ICMPv4MinimumSize+len(original))
	h := header.IPv4(p)
	h.Encode(&header.IPv4Fields{
		TotalLength: uint16(len(p)),
		TTL:         hops,
		Protocol:    uint8(header.ICMPv4ProtocolNumber),
		SrcAddr:     from,
		DstAddr:     id.RemoteAddress,
	})
	h.SetChecksum(^h.CalculateChecksum())
	icmp := header.ICMPv4(p[header.IPv4MinimumSize:])
	icmp.SetType(header.ICMPv4DstUnreachable)
	icmp.SetCode(header.ICMPv4HostUnreachable)
	copy(icmp[header.ICMPv4MinimumSize:], original)
	icmp.SetChecksum(^checksum.Checksum(icmp, 0))
	return p
}

func unreachable6(id stack.TransportEndpointID, original []byte) []byte {
	size := header.ICMPv6DstUnreachableMinimumSize + len(original)
	p := make([]byte, header.IPv6MinimumSize+size)
	header.IPv6(p).Encode(&header.IPv6Fields{
		PayloadLength:     uint16(size),
		TransportProtocol: header.ICMPv6ProtocolNumber,
		HopLimit:          hops,
		SrcAddr:           id.LocalAddress,
		DstAddr:           id.RemoteAddress,
	})
	icmp := header.ICMPv6(p[header.IPv6MinimumSize:])
	icmp.SetType(header.ICMPv6DstUnreachable)
	icmp.SetCode(header.ICMPv6AddressUnreachable)
	copy(icmp[header.ICMPv6DstUnreachableMinimumSize:], original)
	icmp.SetChecksum(header.ICMPv6Checksum(header.ICMPv6ChecksumParams{
		Header: icmp,
		Src:    id.LocalAddress,
		Dst:    id.RemoteAddress,
	}))
	return p
}

// WritePackets implements stack.LinkWriter.
func (l *link) WritePackets(packets stack.PacketBufferList) (int, tcpip.Error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	written := 0
	for _, pkt := range packets.AsSlice() {
		l.buffer = l.buffer[:0]
		for _, part := range pkt.AsSlices() {
			l.buffer = append(l.buffer, part...)
		}
		if _, err := l.device.Write(l.buffer); err != nil {
			return written, &tcpip.ErrAborted{}
		}
		written++
	}
	return written, nil
}

// Attach implements stack.LinkEndpoint.
func (l *link) Attach(d stack.NetworkDispatcher) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dispatcher = d
}

// IsAttached implements stack.LinkEndpoint.
func (l *link) IsAttached() bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.dispatcher != nil
}

// MTU implements stack.LinkEndpoint.
func (l *link) MTU() uint32 { return MTU }

// Capabilities implements stack.LinkEndpoint: the kernel's packets come through no wire that could damage them.
func (l *link) Capabilities() stack.LinkEndpointCapabilities {
	return stack.CapabilityRXChecksumOffload
}

// ARPHardwareType implements stack.LinkEndpoint.
func (l *link) ARPHardwareType() header.ARPHardwareType { return header.ARPHardwareNone }

// ParseHeader implements stack.LinkEndpoint.
func (l *link) ParseHeader(*stack.PacketBuffer) bool { return true }

// The rest of stack.LinkEndpoint has no meaning for a device without link addresses.

func (l *link) SetMTU(uint32)                    {}
func (l *link) MaxHeaderLength() uint16          { return 0 }
func (l *link) LinkAddress() tcpip.LinkAddress   { return "" }
func (l *link) SetLinkAddress(tcpip.LinkAddress) {}
func (l *link) Wait()                            {}
func (l *link) AddHeader(*stack.PacketBuffer)    {}
func (l *link) Close()                           {}
func (l *link) SetOnCloseAction(func())          {}
