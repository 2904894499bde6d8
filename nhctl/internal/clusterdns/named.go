package clusterdns

import (
	"net/netip"

	"github.com/nhctl/nhctl/nhctl/internal/clusternet"
)

// Named is what the user has said of a name.
type Named struct {
	// Cluster says that the cluster's server knows it, else the computer's resolver does.
	Cluster bool
	// Learn is called with its addresses before the client has them.
	Learn func(addresses ...netip.Addr)
}

// NamedBy is what the user has said of names. Rule is called with their addresses, which are to go the same way.
func NamedBy(also, never []string, rule func(also bool, networks ...netip.Prefix)) map[string]Named {
	all := map[string]Named{}
	for cluster, names := range map[bool][]string{true: also, false: never} {
		for _, name := range names {
			all[name] = Named{
				Cluster: cluster,
				Learn:   func(addresses ...netip.Addr) { rule(cluster, clusternet.Single(addresses...)...) },
			}
		}
	}
	return all
}
