// Package loopback joins two computers' loopbacks, of which one is the network inside an enclosure: ports that open
// inside are offered outside, and those outside appear inside. A port that someone has already is never taken from
// them. It knows neither clusters nor how sockets inside are made.
package loopback

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/nhctl/nhctl/sidecar/wire"
)

const (
	// interval is how often the kernel's tables are read.
	interval = 200 * time.Millisecond
	// maxPorts limits the ports of either direction.
	maxPorts = 512
	// dialLimit limits a connection to a port that is there.
	dialLimit = 10 * time.Second
)

// Side is one of the two networks.
type Side struct {
	// Sockets lists the sockets that listen there.
	Sockets func() ([]Socket, error)
	Listen  func(ctx context.Context, address netip.AddrPort) (net.Listener, error)
	Dial    func(ctx context.Context, address netip.AddrPort) (net.Conn, error)
}

// Notice is something that the user should know of a port.
type Notice struct {
	// Port is open inside.
	Port uint16
	// Err says why it is not offered outside; nil means that it is.
	Err error
}

// Options are what Join needs.
type Options struct {
	Inside, Outside Side
	// Foreign says which sockets outside don't appear inside: those that another enclosure's command has opened.
	Foreign func(Socket) bool
	// Reserved are ports inside that lead elsewhere: they are not offered, and those outside don't appear.
	Reserved []uint16
	// Notice is called for each port that opens inside.
	Notice func(Notice)
	// Joined, where it is set, is called once the ports that were open before are there on the other side.
	Joined func()
}

// bridge joins two sides.
type bridge struct {
	o       Options
	working sync.WaitGroup
	// offered are the ports of the inside that are open outside, appearing the addresses of the outside that are open
	// inside.
	offered   map[uint16]*offer
	appearing map[netip.AddrPort]*shown
	// failed are ports that could not be offered: the user knows.
	failed map[uint16]bool
}

// offer is a port of the inside that is open outside.
type offer struct {
	listeners []net.Listener
}

// shown is an address of the outside that is open inside.
type shown struct {
	listener net.Listener // nil when it could not be opened
}

// Join joins two sides until ctx ends.
func Join(ctx context.Context, o Options) {
	b := &bridge{
		o:         o,
		offered:   map[uint16]*offer{},
		appearing: map[netip.AddrPort]*shown{},
		failed:    map[uint16]bool{},
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	b.look(ctx)
	if o.Joined != nil {
		o.Joined()
	}
	for {
		select {
		case <-ctx.Done():
			for _, f := range b.offered {
				f.close()
			}
			for _, s := range b.appearing {
				s.close()
			}
			b.working.Wait()
			return
		case <-tick.C:
			b.look(ctx)
		}
	}
}

func (f *offer) close() {
	for _, l := range f.listeners {
		_ = l.Close()
	}
}

func (s *shown) close() {
	if s.listener != nil {
		_ = s.listener.Close()
	}
}

// look brings both sides up to date.
func (b *bridge) look(ctx context.Context) {
	outside, err := b.o.Outside.Sockets()
	if err != nil {
		return
	}
	inside, err := b.o.Inside.Sockets()
	if err != nil {
		return
	}
	open := b.offerAll(ctx, inside)
	b.showAll(ctx, outside, open)
}

// local are the loopback addresses by which a socket can be reached.
func local(a netip.AddrPort) []netip.AddrPort {
	four, six := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), a.Port()),
		netip.AddrPortFrom(netip.IPv6Loopback(), a.Port())
	switch {
	case a.Addr().IsLoopback():
		return []netip.AddrPort{a}
	case a.Addr() == netip.IPv6Unspecified(): // most take connections of IPv4, too
		return []netip.AddrPort{four, six}
	case a.Addr() == netip.IPv4Unspecified():
		return []netip.AddrPort{four}
	}
	return nil
}

// offerAll offers the ports that are open inside, and returns them with an address each.
func (b *bridge) offerAll(ctx context.Context, inside []Socket) map[uint16]netip.AddrPort {
	open := map[uint16]netip.AddrPort{}
	for _, s := range inside {
		if slices.Contains(b.o.Reserved, s.Address.Port()) {
			continue
		}
		for _, a := range local(s.Address) {
			if ours := b.appearing[a]; ours != nil && ours.listener != nil {
				continue
			}
			if _, has := open[a.Port()]; !has || a.Addr().Is4() {
				open[a.Port()] = a
			}
		}
	}
	for port, f := range b.offered {
		if _, still := open[port]; !still {
			f.close()
			delete(b.offered, port)
		}
	}
	for port := range b.failed {
		if _, still := open[port]; !still {
			delete(b.failed, port)
		}
	}
	for port, address := range open {
		if b.offered[port] == nil && len(b.offered) < maxPorts {
			b.offer(ctx, port, address)
		}
	}
	return open
}

// offer offers a port outside.
func (b *bridge) offer(ctx context.Context, port uint16, inside netip.AddrPort) {
	four := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
	first, err := b.o.Outside.Listen(ctx, four)
	if err != nil {
		if !b.failed[port] {
			b.failed[port] = true
			b.o.Notice(Notice{Port: port, Err: err})
		}
		return
	}
	f := &offer{listeners: []net.Listener{first}}
	if second, err := b.o.Outside.Listen(ctx, netip.AddrPortFrom(netip.IPv6Loopback(), port)); err == nil {
		f.listeners = append(f.listeners, second)
	}
	b.offered[port] = f
	delete(b.failed, port)
	for _, l := range f.listeners {
		b.working.Go(func() { b.serve(ctx, l, b.o.Inside, inside) })
	}
	b.o.Notice(Notice{Port: port})
}

// showAll opens the addresses inside that are open outside, but for ports that the inside has itself.
func (b *bridge) showAll(ctx context.Context, outside []Socket, open map[uint16]netip.AddrPort) {
	wanted := map[netip.AddrPort]bool{}
	for _, s := range outside {
		port := s.Address.Port()
		if b.offered[port] != nil || slices.Contains(b.o.Reserved, port) || b.o.Foreign(s) {
			continue
		}
		for _, a := range local(s.Address) {
			wanted[a] = true
		}
	}
	for a, s := range b.appearing {
		if !wanted[a] {
			s.close()
			delete(b.appearing, a)
		}
	}
	for a := range wanted {
		_, has := open[a.Port()]
		if has || b.appearing[a] != nil || len(b.appearing) >= maxPorts {
			continue
		}
		l, err := b.o.Inside.Listen(ctx, a)
		if err != nil {
			if !errors.Is(err, syscall.EADDRINUSE) { // an address that the inside does not have
				b.appearing[a] = &shown{}
			}
			continue
		}
		b.appearing[a] = &shown{listener: l}
		b.working.Go(func() { b.serve(ctx, l, b.o.Outside, a) })
	}
}

// serve joins the connections of a listener with an address of the other side.
func (b *bridge) serve(ctx context.Context, l net.Listener, other Side, address netip.AddrPort) {
	var connections sync.WaitGroup
	defer connections.Wait()
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		connections.Go(func() {
			dialling, cancel := context.WithTimeout(ctx, dialLimit)
			far, err := other.Dial(dialling, address)
			cancel()
			if err != nil {
				wire.Reset(conn, "nothing listens there any more")
				return
			}
			wire.Join(ctx, conn, far)
		})
	}
}
