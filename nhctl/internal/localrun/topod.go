package localrun

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// toPod has ports of the loopback inside lead to those of the gateway's pod, until end is called.
func (r *run) toPod(
	ctx context.Context, listen func(context.Context, netip.AddrPort) (net.Listener, error),
) (end func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	var listeners []net.Listener
	var serving sync.WaitGroup
	end = func() {
		cancel()
		for _, l := range listeners {
			_ = l.Close()
		}
		serving.Wait()
	}
	for _, port := range r.o.ToPod {
		there := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
		for _, here := range []netip.AddrPort{there, netip.AddrPortFrom(netip.IPv6Loopback(), port)} {
			l, err := listen(ctx, here)
			if here != there && errors.Is(err, syscall.EADDRNOTAVAIL) { // no IPv6
				continue
			}
			if err != nil {
				end()
				return nil, problem.New(problem.PortTaken, "open port %d for the command: %w", port, err)
			}
			listeners = append(listeners, l)
			serving.Go(func() { r.joinPod(ctx, l, there) })
		}
	}
	return end, nil
}

// joinPod joins the connections of a listener to a port of the pod. One that is refused there is reset here.
func (r *run) joinPod(ctx context.Context, l net.Listener, there netip.AddrPort) {
	var connections sync.WaitGroup
	defer connections.Wait()
	for {
		near, err := l.Accept()
		if err != nil {
			return
		}
		connections.Go(func() {
			far, err := r.o.Gateway.DialTCP(ctx, there, nil)
			if err != nil {
				wire.Reset(near, fmt.Sprintf("the pod: %v", err))
				return
			}
			wire.Join(ctx, near, far)
		})
	}
}
