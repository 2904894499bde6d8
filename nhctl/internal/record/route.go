package record

import (
	"encoding/json"
	"fmt"
	"net"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/document"
	"github.com/nhctl/nhctl/sidecar/route"
)

// RouteKind is the kind of the sessions of routes, RouteVersion the format of their records that this build writes.
const (
	RouteKind    = "route"
	RouteVersion = 1
)

// Route is what the cluster stores of a route: which traffic of a Service goes to one developer's computer.
type Route struct {
	Kind      string `json:"kind"`
	Version   int    `json:"version"`
	Session   string `json:"session"`
	Namespace string `json:"namespace"`
	// Place is where the holder's client found the namespace.
	Place   Place     `json:"place"`
	Holder  Holder    `json:"holder"`
	Since   time.Time `json:"since"`
	Service string    `json:"service"`
	// Front names the front that serves the Service, Port is its carriers' on the loopback of its pod.
	Front string `json:"front"`
	Port  int    `json:"port"`
	Image string `json:"image"`
	// Ports are those of the Service that the route is about.
	Ports []RoutePort `json:"ports"`
	// Matches are its conditions; an exchange has none. The others are those of route.Rule.
	Matches []route.Match `json:"matches,omitempty"`
	Mirror  bool          `json:"mirror,omitempty"`
	Raw     bool          `json:"raw,omitempty"`
	Proxy   bool          `json:"proxy,omitempty"`
	Strict  bool          `json:"strict,omitempty"`
	All     bool          `json:"all,omitempty"`
	Hold    int           `json:"hold,omitempty"`
	// Dev is the workload to whose duplicate the route leads, as KIND/NAME, where it does not lead to the computer.
	Dev string `json:"dev,omitempty"`
	// Until is when the route ends by itself, by the cluster's clock; zero means never.
	Until time.Time `json:"until,omitzero"`
	// Heartbeat is when the holder's daemon last renewed the Lease.
	Heartbeat time.Time `json:"-"`
	// Unknown is what a newer build has added to this version, at any depth: it survives a rewrite.
	Unknown *document.Unknown `json:"-"`
}

// RoutePort is a port of a Service that leads to a local process.
type RoutePort struct {
	// Port is the Service's, Target the one of its pods, on which the front listens.
	Port   int `json:"port"`
	Target int `json:"target"`
	// Local is on the holder's computer, for people to read: "127.0.0.1:3000", or "unix:" and a path. A program
	// connects there only where its own computer has kept it. Of a route to a duplicate, it is LocalDev.
	Local string `json:"local"`
}

// LocalDev is the local end of a route that leads to a duplicate in the cluster: no place of a computer.
const LocalDev = "dev"

func routeHead() document.Head { return document.Head{Kind: RouteKind, Version: RouteVersion} }

// Exchange says that the route takes all that no other one takes.
func (r Route) Exchange() bool { return len(r.Matches) == 0 && !r.Mirror }

// Lease is the name of the route's Lease. Of a Service's exchanges there is one, whose creation is the lock.
func (r Route) Lease() string {
	switch {
	case r.Exchange():
		return "nhctl-exchange-" + r.Service
	case r.Mirror:
		return "nhctl-mirror-" + r.Service + "-" + r.Session
	}
	return "nhctl-mesh-" + r.Service + "-" + r.Session
}

// Rule is the route as its front has it.
func (r Route) Rule() route.Rule {
	rule := route.Rule{
		ID:      r.Session,
		Matches: r.Matches,
		Mirror:  r.Mirror,
		Raw:     r.Raw,
		Proxy:   r.Proxy,
		Strict:  r.Strict,
		All:     r.All,
		Hold:    r.Hold,
		Pod:     r.Dev != "",
	}
	for _, p := range r.Ports {
		rule.Ports = append(rule.Ports, p.Target)
	}
	return rule
}

// Silent is how long ago the route's daemon was last heard of.
func (r Route) Silent(now time.Time) time.Duration { return silentSince(r.Heartbeat, now) }

// Abandoned says whether the route no longer blocks others: it was silent for long, or its time is over.
func (r Route) Abandoned(now time.Time) bool {
	return r.Silent(now) > DefaultAbandonAfter || r.Over(now)
}

// Over says whether the route's time is over.
func (r Route) Over(now time.Time) bool { return !r.Until.IsZero() && now.After(r.Until) }

// Claim is the route's Lease.
func (r Route) Claim() Claim { return Claim{r.Namespace, r.Lease(), r.Session, contract.RoleRoute} }

// Home is where the route is.
func (r Route) Home() (namespace string, place Place) { return r.Namespace, r.Place }

// LedBy is the record where a client leads there that has proven to be of a server.
func (r Route) LedBy(server string) Route {
	r.Place.Server = server
	return r
}

// Text is the record as the cluster has it.
func (r Route) Text() (string, error) {
	r.Kind, r.Version = RouteKind, RouteVersion
	data, err := json.Marshal(r)
	return string(data), err
}

// NewLease is the route's Lease.
func (r Route) NewLease() (*coordinationv1.Lease, error) {
	text, err := r.Text()
	return newLease(r.Claim(), text, r.Holder, r.Since, DefaultAbandonAfter), err
}

// RouteFromLease reads the record of a Lease of the namespace. Whoever may write Leases there may have written it.
func RouteFromLease(l *coordinationv1.Lease) (Route, error) {
	return fromLease(l, routeHead(), func(r *Route, heartbeat time.Time) { r.Heartbeat = heartbeat })
}

// Check decides whether a record can be used: everything that a path, a name, a number or a line on a terminal is made
// of has to be what a route's own program would have written.
func (r Route) Check(source string) error {
	if err := checkHead(source, document.Head{Kind: r.Kind, Version: r.Version}, routeHead()); err != nil {
		return err
	}
	for _, why := range []string{
		checkID(r.Version, r.Session, r.Namespace),
		r.Holder.check(),
		r.Place.check(),
		checkLife(r.Port, r.Since, r.Heartbeat),
		r.checkService(),
	} {
		if why != "" {
			return unreadable(source, why)
		}
	}
	return nil
}

func (r Route) checkService() string {
	switch {
	case len(validation.IsDNS1035Label(r.Service)) > 0:
		return fmt.Sprintf("%q is no Service", clip(r.Service))
	case !ValidID(r.Front):
		return fmt.Sprintf("%q is no front", clip(r.Front))
	case r.Image == "" || !plain(r.Image, maxName):
		return "its image is none"
	case !r.Until.IsZero() && (r.Until.Before(r.Since) || r.Until.Year() > maxYear):
		return fmt.Sprintf("it ends at %s", r.Until)
	}
	if why := r.checkDev(); why != "" {
		return why
	}
	for _, p := range r.Ports {
		if p.Port < 1 || p.Port > mostPort {
			return fmt.Sprintf("%d is no port of a Service", p.Port)
		}
		if (p.Local == LocalDev) != (r.Dev != "") {
			return fmt.Sprintf("it leads to a duplicate and to %q", clip(p.Local))
		}
		if r.Dev != "" {
			continue
		}
		if _, _, err := LocalAddress(p.Local); err != nil {
			return err.Error()
		}
	}
	for _, m := range r.Matches {
		if !plain(m.Of+m.Name+m.Value, maxName) {
			return "its conditions are none"
		}
	}
	if err := r.Rule().Check(); err != nil {
		return err.Error()
	}
	return ""
}

func (r Route) checkDev() string {
	if r.Dev == "" {
		return ""
	}
	if ref, err := workload.ParseRef(r.Dev); err != nil || ref.String() != r.Dev || !plain(r.Dev, maxName) {
		return fmt.Sprintf("it leads to a duplicate of %q", clip(r.Dev))
	}
	return ""
}

// unix begins the name of a socket's file.
const unix = "unix:"

// LocalAddress is a route's local end as a dialler knows it: a network and an address.
func LocalAddress(local string) (network, address string, err error) {
	if file, found := strings.CutPrefix(local, unix); found {
		if !plain(file, maxPath) || !path.IsAbs(file) && !filepath.IsAbs(file) { // on whichever computer
			return "", "", fmt.Errorf("%q is no socket: want an absolute path", clip(local))
		}
		return "unix", file, nil
	}
	host, port, err := net.SplitHostPort(local)
	if err == nil {
		var n int
		n, err = strconv.Atoi(port)
		if err == nil && (n < 1 || n > mostPort || host == "" || !plain(host, maxKindName)) {
			err = strconv.ErrRange
		}
	}
	if err != nil {
		return "", "", fmt.Errorf("%q is no local address: want a port, HOST:PORT or unix:PATH", clip(local))
	}
	return "tcp", local, nil
}

// routeFields are a Route without its methods.
type routeFields Route

// UnmarshalJSON keeps what this build does not know.
func (r *Route) UnmarshalJSON(text []byte) (err error) {
	r.Unknown, err = document.Decode(text, (*routeFields)(r))
	return err
}

// MarshalJSON writes it again.
func (r Route) MarshalJSON() ([]byte, error) { return document.Encode(routeFields(r), r.Unknown) }
