package clusternet

import (
	"net/netip"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/nhctl/nhctl/nhctl/internal/problem"
)

// rule is what the user has said of a network.
type rule struct {
	network netip.Prefix
	also    bool
}

// rulesOf are rules, the one that decides before the others.
func rulesOf(also, never []netip.Prefix) []rule {
	var all []rule
	for _, p := range never {
		all = append(all, rule{network: p.Masked()})
	}
	for _, p := range also {
		all = append(all, rule{network: p.Masked(), also: true})
	}
	slices.SortStableFunc(all, func(a, b rule) int { return b.network.Bits() - a.network.Bits() })
	return all
}

// ruled says what the user has said of an address, if anything.
func (t *Table) ruled(a netip.Addr) (also, ruled bool) {
	at := slices.IndexFunc(t.rules, func(r rule) bool { return r.network.Contains(a) })
	if at < 0 {
		return false, false
	}
	return t.rules[at].also, true
}

// Words are what the user has said by flags: networks, addresses and names.
type Words struct {
	Networks []netip.Prefix
	Names    []string
}

// ParseWords reads the words of a flag.
func ParseWords(flag string, words []string) (Words, error) {
	var all Words
	for _, word := range words {
		name := strings.ToLower(strings.TrimSuffix(word, "."))
		if p, err := netip.ParsePrefix(word); err == nil {
			if p.Bits() == 0 {
				return all, problem.New(problem.Usage, "%s %s: that is every address", flag, word)
			}
			all.Networks = append(all.Networks, p.Masked())
		} else if a, err := netip.ParseAddr(word); err == nil && a.Zone() == "" {
			all.Networks = append(all.Networks, Single(a)...)
		} else if len(validation.IsDNS1123Subdomain(name)) == 0 {
			all.Names = append(all.Names, name)
		} else {
			return all, problem.New(problem.Usage, "%s %s: want a network, an address or a name", flag, word).
				WithHint("for example: %s 10.20.0.0/16, %s 10.20.0.7, %s db.example.com", flag, flag, flag)
		}
	}
	return all, nil
}

// Single are addresses as networks of one.
func Single(addresses ...netip.Addr) []netip.Prefix {
	var all []netip.Prefix
	for _, a := range addresses {
		a = a.Unmap()
		all = append(all, netip.PrefixFrom(a, a.BitLen()))
	}
	return all
}

// Local is a network that this computer reaches without the cluster.
type Local struct {
	Network netip.Prefix
	// By says how: "device eth0".
	By string
}

// Collision is a local network that a range of the cluster's has, too, in part or as a whole.
type Collision struct {
	Local
	Range netip.Prefix
}

// Collisions lists the local networks of which the user has not said yet whose they are.
func (t *Table) Collisions(local []Local) []Collision {
	var all []Collision
	for _, l := range local {
		said := slices.ContainsFunc(t.rules, func(r rule) bool {
			return r.network == l.Network.Masked() || !r.also && contains(r.network, l.Network)
		})
		at := slices.IndexFunc(t.ranges, l.Network.Overlaps)
		if !said && at >= 0 && l.Network.Bits() > 0 {
			all = append(all, Collision{Local: l, Range: t.ranges[at]})
		}
	}
	return all
}

// contains says whether a network has all of another one.
func contains(outer, inner netip.Prefix) bool {
	return outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}

// Routes are the networks of which this computer's packets are to go into the cluster: as few as there can be, less
// those that never do.
func (t *Table) Routes() []netip.Prefix {
	wanted := slices.Clone(t.ranges)
	for a := range t.addresses {
		wanted = append(wanted, Single(a)...)
	}
	for a := range t.byAddress {
		wanted = append(wanted, Single(a)...)
	}
	// From the widest rule to the narrowest, each adds or takes its network.
	for _, r := range slices.Backward(t.rules) {
		if r.also {
			wanted = append(wanted, r.network)
		} else {
			wanted = without(wanted, r.network)
		}
	}
	slices.SortFunc(wanted, func(a, b netip.Prefix) int {
		if a.Bits() != b.Bits() {
			return a.Bits() - b.Bits()
		}
		return a.Addr().Compare(b.Addr())
	})
	var all []netip.Prefix
	for _, p := range wanted {
		if !slices.ContainsFunc(all, func(other netip.Prefix) bool { return contains(other, p) }) {
			all = append(all, p)
		}
	}
	return all
}

// without are networks less one.
func without(all []netip.Prefix, less netip.Prefix) []netip.Prefix {
	var rest []netip.Prefix
	for _, p := range all {
		switch {
		case contains(less, p):
		case contains(p, less):
			low, high := Halves(p)
			rest = append(rest, without([]netip.Prefix{low, high}, less)...)
		default:
			rest = append(rest, p)
		}
	}
	return rest
}

// Halves are the two networks that a network of more than one address consists of.
func Halves(p netip.Prefix) (low, high netip.Prefix) {
	bits := p.Bits()
	bytes := p.Masked().Addr().AsSlice()
	bytes[bits/8] |= 0x80 >> (bits % 8)
	upper, _ := netip.AddrFromSlice(bytes)
	return netip.PrefixFrom(p.Masked().Addr(), bits+1), netip.PrefixFrom(upper, bits+1)
}
