package socks

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Limits of UDP.
const (
	// maxFlows is how many addresses one client may talk to at a time.
	maxFlows = 256
	// maxPacket is more than any datagram has.
	maxPacket = 64 << 10
)

// association is one client's UDP: its datagrams go to the addresses that they name, each by a flow of its own.
type association struct {
	proxy *Proxy
	conn  *net.UDPConn

	mu     sync.Mutex
	client netip.AddrPort // who sent the first datagram
	flows  map[string]net.Conn
	ended  bool
}

// associate serves UDP until the client closes its connection.
func (p *Proxy) associate(ctx context.Context, client net.Conn) error {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return errors.Join(err, answer(client, generalFailure, nil))
	}
	ctx, cancel := context.WithCancel(ctx)
	a := &association{proxy: p, conn: conn, flows: map[string]net.Conn{}}
	var serving sync.WaitGroup
	defer serving.Wait()
	defer a.end()
	defer cancel()
	if err := answer(client, succeeded, conn.LocalAddr()); err != nil {
		return err
	}
	serving.Go(func() { a.serve(ctx, &serving) })
	_ = client.SetReadDeadline(time.Time{})
	_, err = io.Copy(io.Discard, client)
	return err
}

// end closes the socket and the flows.
func (a *association) end() {
	a.conn.Close()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = true
	for _, flow := range a.flows {
		flow.Close()
	}
}

// serve reads the client's datagrams until the association ends.
func (a *association) serve(ctx context.Context, serving *sync.WaitGroup) {
	buffer := make([]byte, maxPacket)
	for {
		n, from, err := a.conn.ReadFromUDPAddrPort(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || !a.known(from) {
			continue
		}
		address, data, err := parseDatagram(buffer[:n])
		if err != nil {
			continue
		}
		a.send(ctx, serving, address, bytes.Clone(data))
	}
}

// known says whether a datagram is the client's: the first one that comes says who that is.
func (a *association) known(from netip.AddrPort) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.client.IsValid() {
		a.client = from
	}
	return a.client == from
}

// send sends a datagram by the flow of its address. One that comes while that is being opened is lost.
func (a *association) send(ctx context.Context, serving *sync.WaitGroup, address string, data []byte) {
	a.mu.Lock()
	flow, there := a.flows[address]
	if !there && len(a.flows) < maxFlows && !a.ended {
		a.flows[address] = pending{}
		serving.Go(func() { a.open(ctx, address, data) })
	}
	a.mu.Unlock()
	if there {
		_, _ = flow.Write(data) // what is lost is lost, as UDP has it
	}
}

// pending is a flow that is being opened.
type pending struct{ net.Conn }

func (pending) Write(b []byte) (int, error) { return len(b), nil }
func (pending) Close() error                { return nil }

// open opens a flow with its first datagram, and passes on what comes back.
func (a *association) open(ctx context.Context, address string, first []byte) {
	flow, err := a.proxy.dial(ctx, "udp", address)
	a.mu.Lock()
	if err != nil || a.ended {
		delete(a.flows, address)
		a.mu.Unlock()
		if err == nil {
			flow.Close()
		}
		return
	}
	a.flows[address] = flow
	to := a.client
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		delete(a.flows, address)
		a.mu.Unlock()
		flow.Close()
	}()
	if _, err := flow.Write(first); err != nil {
		return
	}
	from := source(address)
	buffer := make([]byte, maxPacket)
	for {
		n, err := flow.Read(buffer) // the agent ends an idle flow
		if err != nil {
			return
		}
		packet := appendAddress([]byte{0, 0, 0}, from)
		_, _ = a.conn.WriteToUDPAddrPort(append(packet, buffer[:n]...), to)
	}
}

// source is where a datagram came from, as far as an address says that: a name's address is known in the pod alone.
func source(address string) netip.AddrPort {
	if from, err := netip.ParseAddrPort(address); err == nil {
		return from
	}
	return netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
}

var errFragment = errors.New("fragments are not supported")

// parseDatagram reads where a client's datagram is to go.
func parseDatagram(packet []byte) (address string, data []byte, err error) {
	const reserved, fragment = 2, 1
	if len(packet) < reserved+fragment {
		return "", nil, io.ErrUnexpectedEOF
	}
	if packet[reserved] != 0 {
		return "", nil, errFragment
	}
	r := bytes.NewReader(packet[reserved+fragment:])
	if address, err = readAddress(r); err != nil {
		return "", nil, err
	}
	return address, packet[len(packet)-r.Len():], nil
}
