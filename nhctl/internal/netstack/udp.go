package netstack

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// maxDatagram is the size of the largest datagram in bytes.
const maxDatagram = MTU

// udp takes the first datagram of a flow. What it does not take is told as a closed port.
func (s *Stack) udp(r *udp.ForwarderRequest) bool {
	to := target(r.ID())
	dns := s.isDNS(to)
	if !dns && (to.Addr().IsMulticast() || to.Addr() == broadcast()) {
		return true // for no one here
	}
	if !dns && s.o.Network.JudgeUDP(to) == Refuse {
		return false
	}
	select {
	case s.flows <- struct{}{}:
	default:
		return true // lost, as datagrams may be
	}
	leave := func() { <-s.flows }
	if !s.enter() {
		leave()
		return true
	}
	var queue waiter.Queue
	endpoint, err := r.CreateEndpoint(&queue)
	if err != nil {
		s.running.Done()
		leave()
		return true
	}
	conn := gonet.NewUDPConn(&queue, endpoint)
	go func() {
		defer s.running.Done()
		defer leave()
		defer conn.Close()
		if dns {
			s.datagramDNS(conn)
		} else {
			s.flow(conn, to)
		}
	}()
	return true
}

func broadcast() netip.Addr { return netip.AddrFrom4([4]byte{255, 255, 255, 255}) }

// datagramDNS answers the questions that come from one port. None waits for the answer to another.
func (s *Stack) datagramDNS(conn *gonet.UDPConn) {
	stop := context.AfterFunc(s.ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	const (
		idle   = 10 * time.Second
		inward = 4096
		most   = 64 // questions of one port at a time
	)
	var answering sync.WaitGroup
	defer answering.Wait()
	places := make(chan struct{}, most)
	b := make([]byte, inward)
	for {
		_ = conn.SetReadDeadline(time.Now().Add(idle))
		if s.ctx.Err() != nil {
			return
		}
		n, err := conn.Read(b)
		if err != nil {
			return
		}
		message := append([]byte(nil), b[:n]...)
		places <- struct{}{}
		answering.Go(func() {
			defer func() { <-places }()
			if answer := s.o.Answer(s.ctx, message, false); answer != nil {
				_, _ = conn.Write(answer)
			}
		})
	}
}

// flow carries a flow's datagrams until none has come for a while.
func (s *Stack) flow(conn *gonet.UDPConn, to netip.AddrPort) {
	ctx, cancel := context.WithTimeout(s.ctx, flowLimit)
	far, err := s.o.Network.DialUDP(ctx, to)
	cancel()
	if err != nil {
		return // lost, as datagrams may be
	}
	defer far.Close()
	end := func() {
		_ = conn.SetDeadline(time.Unix(1, 0))
		_ = far.Close()
	}
	stop := context.AfterFunc(s.ctx, end)
	defer stop()
	idle := time.AfterFunc(s.o.UDPIdle, end)
	defer idle.Stop()
	var carrying sync.WaitGroup
	carry := func(to, from net.Conn) {
		defer end()
		b := make([]byte, maxDatagram)
		for {
			n, err := from.Read(b)
			if err != nil {
				return
			}
			idle.Reset(s.o.UDPIdle)
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
	}
	carrying.Go(func() { carry(far, conn) })
	carry(conn, far)
	carrying.Wait()
}
