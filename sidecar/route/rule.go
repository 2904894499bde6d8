// Package route leads intercepted traffic: each request of HTTP, and each connection of other protocols, either to the
// computer of the developer whose rule it matches, or to the originals behind the Service. Whatever can't be led to a
// computer, the originals answer. It knows nothing of Kubernetes, nor of carriers: it is given functions that connect.
package route

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Limits of rules.
const (
	// MaxRules is how many rules a table has at most, MaxMatches how many conditions one rule has.
	MaxRules   = 256
	MaxMatches = 16
	// MaxProbes is how many paths of probes a rule has at most.
	MaxProbes = 16
	// MaxText limits the length of an id, a name and a pattern, in bytes.
	MaxText = 256
	// MaxHold limits how long a request waits for a local process that restarts.
	MaxHold = time.Minute
)

// The parts of a request that a condition is about.
const (
	OfHeader  = "header"
	OfPath    = "path"
	OfMethod  = "method"
	OfBaggage = "baggage" // an entry of W3C baggage, which traced services pass on
	OfMark    = "mark"    // a header, or an entry of baggage, of that name
)

// Match is a condition.
type Match struct {
	// Of is one of the parts above; Name is the header's or the baggage entry's, in any case.
	Of   string `json:"of"`
	Name string `json:"name,omitempty"`
	// Value is an exact text, the beginning of one after a "^", or a regular expression after a "~".
	Value string `json:"value"`
}

// ParseNamed reads the condition of a header or of a baggage entry, as NAME=VALUE.
func ParseNamed(of, text string) (Match, error) {
	name, value, found := strings.Cut(text, "=")
	if !found {
		return Match{}, fmt.Errorf("%s %q: want NAME=VALUE", of, clip(text))
	}
	return Match{Of: of, Name: name, Value: value}, nil
}

func (m Match) String() string {
	if m.Name == "" {
		return m.Of + " " + m.Value
	}
	return m.Of + " " + m.Name + "=" + m.Value
}

// Rule says which traffic is a developer's.
type Rule struct {
	// ID names the rule. A later rule of that id takes its place.
	ID string `json:"id"`
	// Ports are those of the agent that it is about.
	Ports []int `json:"ports"`
	// Matches have all to be true of a request. A rule without any takes all that no rule with some takes, and
	// connections of other protocols than HTTP, too.
	Matches []Match `json:"matches,omitempty"`
	// Mirror has copies of what it takes go to the computer, whose answers no one sees. It claims nothing.
	Mirror bool `json:"mirror,omitempty"`
	// Raw takes whole connections, although they may be of HTTP.
	Raw bool `json:"raw,omitempty"`
	// Proxy begins each connection to the computer with a header of the PROXY protocol, which has the client's address.
	Proxy bool `json:"proxy,omitempty"`
	// Probes are paths by which the originals' health is probed: such requests are the originals', unless All.
	Probes []Probe `json:"probes,omitempty"`
	// Strict refuses what can't be led to the computer, instead of letting the originals answer.
	Strict bool `json:"strict,omitempty"`
	// All has health checks and probes led to the computer, too.
	All bool `json:"all,omitempty"`
	// Hold is how long a request waits for a local process that restarts, in milliseconds.
	Hold int `json:"hold,omitempty"`
	// Pod has what it takes go to a pod of the developer's in the cluster, and nothing to the computer. Address is that
	// pod's, which listens on the agent's ports; it is empty while the pod is not ready.
	Pod     bool   `json:"pod,omitempty"`
	Address string `json:"address,omitempty"`
}

// Probe is a path of a port.
type Probe struct {
	Port int    `json:"port"`
	Path string `json:"path"`
}

func (p Probe) long() bool { return len(p.Path) > MaxText }

// Check says why a rule can't be one.
func (r Rule) Check() error {
	switch {
	case r.ID == "" || len(r.ID) > MaxText || strings.ContainsFunc(r.ID, odd):
		return errors.New("a rule without an id of letters and digits")
	case len(r.Ports) == 0 || len(r.Ports) > MaxMatches:
		return fmt.Errorf("rule %s is about %d ports: want 1 to %d", r.ID, len(r.Ports), MaxMatches)
	case len(r.Matches) > MaxMatches:
		return fmt.Errorf("rule %s has %d conditions: the limit is %d", r.ID, len(r.Matches), MaxMatches)
	case r.Mirror && (r.Raw || r.Strict), r.Raw && len(r.Matches) > 0:
		return fmt.Errorf("rule %s is of two kinds", r.ID)
	case len(r.Probes) > MaxProbes || slices.ContainsFunc(r.Probes, Probe.long):
		return fmt.Errorf("rule %s has %d probes: the limit is %d of %d bytes", r.ID, len(r.Probes), MaxProbes, MaxText)
	case r.Address != "" && !r.Pod, r.Pod && r.Mirror:
		return fmt.Errorf("rule %s: only an exchange or a mesh leads to a pod", r.ID)
	case r.Address != "" && !podAddress(r.Address):
		return fmt.Errorf("rule %s: %q is no address of a pod", r.ID, clip(r.Address))
	case r.Hold < 0 || time.Duration(r.Hold)*time.Millisecond > MaxHold:
		return fmt.Errorf("rule %s holds requests for %d ms: want 0 to %d", r.ID, r.Hold, MaxHold/time.Millisecond)
	}
	for _, port := range r.Ports {
		if port < 1 || port > 65535 {
			return fmt.Errorf("rule %s: port %d: want one from 1 to 65535", r.ID, port)
		}
	}
	_, err := compile(r.Matches)
	return err
}

// podAddress says whether a text can be a pod's address: neither one for many or none, nor one of a link, such as that
// of a cloud's metadata.
func podAddress(text string) bool {
	a, err := netip.ParseAddr(text)
	return err == nil && a.Zone() == "" && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLinkLocalUnicast() &&
		a.Unmap() != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

func odd(c rune) bool {
	return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-')
}

// Check says why a condition can't be one.
func (m Match) Check() error {
	_, err := m.compile()
	return err
}

// condition is a Match that is ready for use.
type condition struct {
	of, name string
	holds    func(text string) bool
}

func compile(matches []Match) (all []condition, err error) {
	for _, m := range matches {
		c, err := m.compile()
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

func (m Match) compile() (c condition, err error) {
	c = condition{of: m.Of, name: strings.ToLower(m.Name)}
	named := m.Of != OfPath && m.Of != OfMethod
	switch {
	case !slices.Contains([]string{OfHeader, OfPath, OfMethod, OfBaggage, OfMark}, m.Of):
		return c, fmt.Errorf("%q is no part of a request: want header, path, method, baggage or mark", clip(m.Of))
	case named != (m.Name != ""):
		return c, fmt.Errorf("a condition of a %s with the name %q", m.Of, clip(m.Name))
	case len(m.Name) > MaxText || len(m.Value) > MaxText:
		return c, fmt.Errorf("a condition with a text of over %d bytes", MaxText)
	case named && !token(m.Name):
		return c, fmt.Errorf("%q is no name of a %s", clip(m.Name), m.Of)
	}
	switch rest := m.Value[min(1, len(m.Value)):]; {
	case strings.HasPrefix(m.Value, "^"):
		c.holds = func(text string) bool { return strings.HasPrefix(text, rest) }
	case strings.HasPrefix(m.Value, "~"):
		expression, err := regexp.Compile(rest)
		if err != nil {
			return c, fmt.Errorf("regular expression %q: %w", clip(rest), err)
		}
		c.holds = expression.MatchString
	default:
		c.holds = func(text string) bool { return text == m.Value }
	}
	return c, nil
}

// trueOf says whether a condition is true of a request.
func (c condition) trueOf(r *request) bool {
	switch c.of {
	case OfPath:
		return c.holds(r.path())
	case OfMethod:
		return c.holds(r.method)
	case OfBaggage:
		return c.inBaggage(r)
	case OfMark:
		return c.inHeader(r) || c.inBaggage(r)
	}
	return c.inHeader(r)
}

func (c condition) inHeader(r *request) bool { return slices.ContainsFunc(r.values(c.name), c.holds) }

func (c condition) inBaggage(r *request) bool {
	return slices.ContainsFunc(r.values("baggage"), func(list string) bool {
		return slices.ContainsFunc(baggage(list, c.name), c.holds)
	})
}

// clip shortens a text that an error quotes.
func clip(text string) string {
	const most = 80
	return text[:min(len(text), most)]
}
