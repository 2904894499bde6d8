package doctor

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/nhctl/nhctl/nhctl/internal/clusternet"
	"github.com/nhctl/nhctl/nhctl/internal/localroutes"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// Network is what the checks of a computer's network look at.
type Network struct {
	// Enclosure makes namespaces and a device, and removes them.
	Enclosure func(context.Context) error
	// Device opens what makes TUN devices.
	Device func() error
	// Local are the computer's own networks, Servers its name servers; Resolved says that systemd-resolved is one, and
	// takes orders.
	Local    []clusternet.Local
	Servers  []netip.AddrPort
	Resolved bool
	// Changed says that a process has changed files of this computer, or had.
	Changed bool
	// Cluster is what is known of the cluster's network.
	Cluster func(context.Context) (*clusternet.Table, error)
}

// ExamineNetwork looks at what nhctl run and nhctl connect need of this computer, and tells each finding at once.
func ExamineNetwork(ctx context.Context, n Network, tell func(Finding)) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tell(missing("namespaces", "nhctl run makes them, with a device of their own, as you", n.Enclosure(ctx)))
	tell(missing("device", "nhctl connect can make one, by /dev/net/tun", n.Device()))
	tell(n.resolver())
	tell(n.vpns())
	tell(n.files())
	tell(n.overlaps(ctx))
}

// missing is a finding about what only some commands need.
func missing(check, fine string, err error) Finding {
	if err == nil {
		return Finding{Check: check, State: OK, Says: fine}
	}
	p := problem.From(err)
	return Finding{Check: check, State: Warning, Says: p.Message, Fix: p.Hint}
}

func (n Network) resolver() Finding {
	f := Finding{Check: "resolver", State: OK}
	f.Says = "systemd-resolved, which nhctl connect tells of the cluster's names"
	if n.Resolved {
		return f
	}
	var words []string
	for _, s := range n.Servers {
		words = append(words, s.Addr().String())
	}
	servers := strings.Join(words, ", ")
	if servers == "" {
		servers = "no name server"
	}
	f.State = Warning
	f.Says = servers + ", by /etc/resolv.conf: none that takes orders for the cluster's names alone"
	f.Fix = "for the whole computer: nhctl connect --resolv-conf, which rewrites the file until it ends; " +
		"nhctl run, connect --socks and connect --hosts need nothing"
	return f
}

func (n Network) vpns() Finding {
	var words []string
	for _, l := range n.Local {
		if localroutes.VPN(l) {
			words = append(words, fmt.Sprintf("%s (%s)", l.Network, l.By))
		}
	}
	f := Finding{Check: "VPN", State: OK, Says: "no route looks like one of a VPN"}
	if len(words) > 0 {
		f.Says = strings.Join(words, ", ") + ": it goes on working next to nhctl"
	}
	return f
}

func (n Network) files() Finding {
	if !n.Changed {
		return Finding{Check: "files", State: OK, Says: "no nhctl connect has changed the hosts file or resolv.conf"}
	}
	return Finding{
		Check: "files",
		State: Warning,
		Says:  "an nhctl connect has changed the hosts file or resolv.conf: it runs, or it was killed",
		Fix:   "nhctl disconnect --force restores what a killed one has left",
	}
}

func (n Network) overlaps(ctx context.Context) Finding {
	f := Finding{Check: "overlaps", State: OK}
	table, err := n.Cluster(ctx)
	if err != nil {
		p := problem.From(err)
		f.State, f.Says, f.Fix = Unknown, p.Message, p.Hint
		return f
	}
	var ranges []string
	for _, p := range table.Ranges() {
		ranges = append(ranges, p.String())
	}
	f.Says = "none of this computer's networks is in the cluster's (" + strings.Join(ranges, ", ") + ")"
	if both := table.Collisions(n.Local); len(both) > 0 {
		f.State = Warning
		f.Says = "networks of this computer and of the cluster overlap: " + localroutes.Describe(both)
		f.Fix = "with nhctl run and nhctl connect, " + localroutes.Remedy(both)
	}
	return f
}
