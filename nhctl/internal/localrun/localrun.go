// Package localrun runs a command of this computer in a cluster's network: in an enclosure, whose device leads to a
// network stack in this process, which asks the cluster's watches, its gateway, or this computer's own network. It
// knows the gateway by an interface alone, and nothing of sessions.
package localrun

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/clusterdns"
	"github.com/nhctl/nhctl/nhctl/internal/clusternet"
	"github.com/nhctl/nhctl/nhctl/internal/enclosure"
	"github.com/nhctl/nhctl/nhctl/internal/loopback"
	"github.com/nhctl/nhctl/nhctl/internal/netstack"
	"github.com/nhctl/nhctl/nhctl/internal/podfiles"
)

// Domain is the cluster's, where no one says otherwise.
const Domain = "cluster.local"

// ServerAddress is that of the DNS server. It and the device's addresses are from ranges that no network uses: that of
// protocols for IPv4, one for a single site for IPv6. Only programs that the device serves see them.
func ServerAddress() netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 0, 1}) }
func address4() netip.Addr      { return netip.AddrFrom4([4]byte{192, 0, 0, 2}) }
func address6() netip.Addr      { return netip.MustParseAddr("fd6e:6863:746c::2") }

// DeviceAddresses are those of the device; IPv6 says whether it needs one of those, too.
func DeviceAddresses(ipv6 bool) []netip.Addr {
	if ipv6 {
		return []netip.Addr{address4(), address6()}
	}
	return []netip.Addr{address4()}
}

// ResolvConf is the file by which programs of this computer find name servers.
const ResolvConf = "/etc/resolv.conf"

// Cluster is what is known of the cluster's network.
type Cluster interface {
	Table() *clusternet.Table
	Learn(addresses ...netip.Addr)
}

// Options say what is run, and where.
type Options struct {
	// Enclosure is one that Prepare has made, Env the command's environment.
	Enclosure *enclosure.Enclosure
	Env       []string
	// Domain is the cluster's.
	Domain  string
	Cluster Cluster
	Gateway Gateway
	// Files are those of a workload that appear inside, where there are any; its Mount is filled in.
	Files *podfiles.Options
	// ToPod are ports of the command's localhost that lead to the same ones of the gateway's pod.
	ToPod []uint16
	// Named are names of which the user has said who knows them.
	Named map[string]clusterdns.Named
	// Notice is called for each port that the command opens.
	Notice func(loopback.Notice)
}

// Prepare makes a command's enclosure, of which the caller says all but the network. It needs nothing of the cluster:
// so it can be made while that is asked, and says early what this computer forbids.
func Prepare(ctx context.Context, o enclosure.Options, namespace, domain string) (*enclosure.Enclosure, error) {
	o.MTU = netstack.MTU
	o.ResolvConf = clusterdns.Inside(ServerAddress(), namespace, domain, clusterdns.ReadResolvConf(ResolvConf))
	return enclosure.Start(ctx, o)
}

// Run runs the command, and returns how it has ended. Ctx ends what comes before the command: the command itself gets
// the signals that this process gets. The enclosure stays the caller's, to close.
func Run(ctx context.Context, o Options) (enclosure.Status, error) {
	e := o.Enclosure
	r := &run{o: o, network: &network{cluster: o.Cluster, gateway: o.Gateway}}
	if err := e.Address(ctx, DeviceAddresses(o.Cluster.Table().IPv6() || hasIPv6())); err != nil {
		return enclosure.Status{}, err
	}
	stack, err := netstack.New(netstack.Options{
		Device:  e.Device(),
		Network: r.network,
		DNS:     ServerAddress(),
		Answer:  NewServer(o.Cluster, o.Gateway, o.Domain, o.Named).Answer,
	})
	if err != nil {
		return enclosure.Status{}, fmt.Errorf("start the network: %w", err)
	}
	defer stack.Close()
	return r.command(ctx, e)
}

// run is one run of a command.
type run struct {
	o       Options
	network *network
}

// NewServer answers questions of DNS as in a pod, and those about other names as this computer does.
func NewServer(c Cluster, g Gateway, domain string, named map[string]clusterdns.Named) *clusterdns.Server {
	const patience = 1500 * time.Millisecond
	return clusterdns.New(clusterdns.Options{
		Table:  c.Table,
		Domain: domain,
		Cluster: &clusterdns.ByName{
			Resolve: g.Resolve,
			Missing: g.Missing,
			Learn:   c.Learn,
		},
		Named: named,
		Outside: clusterdns.Upstream{
			Servers:  nameServers,
			Dial:     (&net.Dialer{}).DialContext,
			Patience: patience,
		},
	})
}

// nameServers are those of this computer at the moment: a VPN may have changed them.
func nameServers() []netip.AddrPort {
	const port = 53
	if servers := clusterdns.ReadResolvConf(ResolvConf).Servers; len(servers) > 0 {
		return servers
	}
	return []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)} // as the C library has it
}

// command runs the command, with its ports and signals.
func (r *run) command(ctx context.Context, e *enclosure.Enclosure) (enclosure.Status, error) {
	working, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var joining sync.WaitGroup
	defer joining.Wait()
	defer cancel()
	end, err := r.toPod(working, e.Listen)
	if err != nil {
		return enclosure.Status{}, err
	}
	defer end()
	joined := make(chan struct{})
	joining.Go(func() {
		loopback.Join(working, loopback.Options{
			Inside:   inside(e),
			Outside:  outside(),
			Foreign:  newForeign(e.PID()).socket,
			Reserved: r.o.ToPod,
			Notice:   r.o.Notice,
			Joined:   func() { close(joined) },
		})
	})
	signals := make(chan os.Signal, 16)
	if all := enclosure.Signals(); len(all) > 0 {
		signal.Notify(signals, all...)
		defer signal.Stop(signals)
	}
	if r.o.Files != nil {
		files := *r.o.Files
		files.Mount = e.Mount
		end, err := podfiles.Begin(ctx, files)
		if err != nil {
			return enclosure.Status{}, err
		}
		defer end()
	}
	select {
	case <-joined:
	case <-ctx.Done():
		return enclosure.Status{}, ctx.Err()
	}
	if err := e.Command(ctx, r.o.Env); err != nil {
		return enclosure.Status{}, err
	}
	joining.Go(func() {
		for {
			select {
			case s := <-signals:
				if !enclosure.Stops(s) { // the command gets it itself, and this process stops when that has
					e.Relay(s)
				}
			case <-working.Done():
				return
			}
		}
	})
	return e.Wait()
}
