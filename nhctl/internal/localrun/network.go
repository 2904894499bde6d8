package localrun

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"github.com/nhctl/nhctl/nhctl/internal/clusternet"
	"github.com/nhctl/nhctl/nhctl/internal/netstack"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// Gateway reaches what a pod of the cluster reaches.
type Gateway interface {
	// DialTCP connects to an address; first is sent at once, together with the request. An address that refuses is a
	// netstack.ErrRefused, one that is silent a netstack.ErrTimeout.
	DialTCP(ctx context.Context, to netip.AddrPort, first []byte) (net.Conn, error)
	// DialUDP opens a flow, of which each read and each write is one datagram.
	DialUDP(ctx context.Context, to netip.AddrPort) (net.Conn, error)
	// Resolve returns the addresses of a name of the cluster. Missing says whether an error of it is that there are
	// none.
	Resolve(ctx context.Context, name string) ([]netip.Addr, error)
	Missing(err error) bool
}

// network is what is behind the command's device. An address of the cluster is never dialled from this computer.
type network struct {
	cluster Cluster
	gateway Gateway
	dialer  net.Dialer
	// only says that nothing but the cluster is behind the device.
	only bool
}

// ClusterOnly is what is behind a device to which only the cluster's packets are to go. Others that get there, because
// a range has changed, are refused: by this computer's own network they would come back.
func ClusterOnly(c Cluster, g Gateway) netstack.Network {
	return &network{cluster: c, gateway: g, only: true}
}

// reserved says whether an address has a meaning on one computer or link alone, or is nhctl's own.
func reserved(a netip.Addr) bool {
	return !a.IsGlobalUnicast() && !a.IsLinkLocalUnicast() || a == ServerAddress() || a == address4() || a == address6()
}

func (n *network) judge(protocol clusternet.Protocol, to netip.AddrPort) netstack.Verdict {
	if reserved(to.Addr().Unmap()) {
		return netstack.Refuse
	}
	switch n.cluster.Table().Judge(protocol, to) {
	case clusternet.Refused:
		return netstack.Refuse
	case clusternet.Ready:
		return netstack.Accept
	case clusternet.Outside:
		if n.only {
			return netstack.Refuse
		}
	}
	return netstack.Dial
}

// JudgeTCP implements netstack.Network.
func (n *network) JudgeTCP(to netip.AddrPort) netstack.Verdict { return n.judge(clusternet.TCP, to) }

// JudgeUDP implements netstack.Network.
func (n *network) JudgeUDP(to netip.AddrPort) netstack.Verdict { return n.judge(clusternet.UDP, to) }

// DialTCP implements netstack.Network.
func (n *network) DialTCP(ctx context.Context, to netip.AddrPort, first []byte) (netstack.Conn, error) {
	switch n.cluster.Table().Judge(clusternet.TCP, to) {
	case clusternet.Refused: // since it was judged
		return nil, netstack.ErrRefused
	case clusternet.Outside:
		if n.only {
			return nil, netstack.ErrRefused
		}
		return n.dialOutside(ctx, to, first)
	}
	c, err := n.gateway.DialTCP(ctx, to, first)
	if err != nil {
		return nil, err
	}
	return conn{c}, nil
}

// dialOutside connects by this computer's own network.
func (n *network) dialOutside(ctx context.Context, to netip.AddrPort, first []byte) (netstack.Conn, error) {
	c, err := n.dialer.DialContext(ctx, "tcp", to.String())
	if err != nil {
		return nil, told(err)
	}
	if _, err := c.Write(first); err != nil {
		c.Close()
		return nil, err
	}
	return conn{c}, nil
}

// told is an error of this computer's network as the stack tells it.
func told(err error) error {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: %w", netstack.ErrRefused, err)
	case errors.Is(err, syscall.ETIMEDOUT), errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: %w", netstack.ErrTimeout, err)
	}
	return err
}

// DialUDP implements netstack.Network.
func (n *network) DialUDP(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	switch n.cluster.Table().Judge(clusternet.UDP, to) {
	case clusternet.Refused:
		return nil, netstack.ErrRefused
	case clusternet.Outside:
		if n.only {
			return nil, netstack.ErrRefused
		}
		return n.dialer.DialContext(ctx, "udp", to.String())
	}
	return n.gateway.DialUDP(ctx, to)
}

// conn is a far end: a stream of the gateway, or a connection of this computer.
type conn struct{ net.Conn }

func (c conn) CloseWrite() error { return wire.CloseWrite(c.Conn) }
func (c conn) Reset()            { wire.Reset(c.Conn, "reset by the command") }
