package rpc

import "time"

// KindRoute is the Session.Kind of a route.
const KindRoute = "route"

// BeginRoute has traffic of a Service come to a process of the caller's computer.
type BeginRoute struct {
	Caller  Caller `json:"caller"`
	Service string `json:"service"`
	// Ports are those of the Service that it is about; none means all.
	Ports []WantedPort `json:"ports,omitempty"`
	// Mesh takes only requests of which all Matches are true; without any, one is made up, which is the developer's
	// own. Else it is an exchange, which takes all. Mirror has copies of requests come instead, of those of which all
	// Matches are true: it claims nothing.
	Mesh    bool    `json:"mesh,omitempty"`
	Mirror  bool    `json:"mirror,omitempty"`
	Matches []Match `json:"matches,omitempty"`
	// Preview makes the Service first, which has no pods, and goes with its last route. Its Ports are numbers.
	Preview bool `json:"preview,omitempty"`
	// Lifetime is how long the route lasts, if no one ends it before; 0 means until then.
	Lifetime time.Duration `json:"lifetime,omitempty"`
	// Process is one of this computer that the route lasts for: it ends soon after it, however that ends.
	Process *Process `json:"process,omitempty"`
	// Strict refuses what the local process can't take, instead of letting the originals answer. AllRequests takes
	// those of health checkers, too.
	Strict      bool `json:"strict,omitempty"`
	AllRequests bool `json:"allRequests,omitempty"`
	// Raw takes whole connections, also of HTTP. ProxyProtocol begins each connection to the local process with a
	// header of the PROXY protocol, version 2, which has the client's address.
	Raw           bool `json:"raw,omitempty"`
	ProxyProtocol bool `json:"proxyProtocol,omitempty"`
	// TakeOver ends the routes of others that claim the same traffic.
	TakeOver bool `json:"takeOver,omitempty"`
	// Hold is how long a request waits for a local process that restarts.
	Hold time.Duration `json:"hold,omitempty"`
	// SidecarImage overrides the build's. AgentLabels are further labels of the front's pods, as KEY=VALUE.
	SidecarImage string   `json:"sidecarImage,omitempty"`
	AgentLabels  []string `json:"agentLabels,omitempty"`
	// AbandonAfter is how long a front that this call makes is without any computer before it restores the Service,
	// where it may; 0 means the default.
	AbandonAfter time.Duration `json:"abandonAfter,omitempty"`
	// Timeout limits the whole start; 0 means the default.
	Timeout time.Duration `json:"timeout,omitempty"`
}

// Process names a process of this computer: by its id, and by when it began in the system's own unit.
type Process struct {
	PID     int    `json:"pid"`
	Started uint64 `json:"started"`
}

// WantedPort is a port of a Service, by its number or its name, and where it leads to on this computer: a port,
// HOST:PORT, or unix:PATH; or "dev" for the caller's duplicate in the cluster. Empty means the number of the pods'
// port.
type WantedPort struct {
	Port  string `json:"port"`
	Local string `json:"local,omitempty"`
}

// Match is a condition of a route.
type Match struct {
	// Of is "header", "path", "method", "baggage", or "mark" for either a header or an entry of baggage; Name is that
	// of the header or of the entry.
	Of   string `json:"of"`
	Name string `json:"name,omitempty"`
	// Value is exact, the beginning after a "^", or a regular expression after a "~".
	Value string `json:"value"`
}

// Leave ends routes of the caller's computer.
type Leave struct {
	Caller Caller `json:"caller"`
	// Service is whose routes end, in the caller's namespace. Session names one route, wherever it is.
	Service string `json:"service,omitempty"`
	Session string `json:"session,omitempty"`
	// All ends all routes of this computer, wherever they are.
	All bool `json:"all,omitempty"`
}

// Route is how a route is.
type Route struct {
	Service string      `json:"service"`
	Ports   []RoutePort `json:"ports"`
	Matches []Match     `json:"matches,omitempty"`
	// Dev is the workload to whose duplicate in the cluster the route leads, as KIND/NAME, where it does not lead here.
	Dev string `json:"dev,omitempty"`
	// Mirror says that copies of requests come here.
	Mirror bool `json:"mirror,omitempty"`
	// Until is when the route ends by itself, if it does.
	Until *time.Time `json:"until,omitempty"`
	// RoundTrip is how long the front's answer took, in milliseconds, over the way that requests go. It is 0 where no
	// answer came, and then Reason says why: in the meantime the originals answer.
	RoundTrip float64 `json:"roundTrip,omitempty"`
	Reason    string  `json:"reason,omitempty"`
	// Open are the connections to the local process at the moment.
	Open int64 `json:"open"`
	// Direct are the connections of this computer's own programs that came to the local process without the cluster.
	// NotDirect says why those of an exchange go through the cluster, if they do.
	Direct    int64  `json:"direct,omitempty"`
	NotDirect string `json:"notDirect,omitempty"`
	// Matched are the requests, or connections of other protocols, that came here, Passed those that did not match.
	// FailedOpen were this route's and answered by the originals, Errors were and got no answer. Of a mirror, Matched
	// are the copies that were handed over, Dropped those that were given up since too many waited.
	Matched    int64 `json:"matched"`
	Passed     int64 `json:"passed"`
	FailedOpen int64 `json:"failedOpen"`
	Errors     int64 `json:"errors"`
	Dropped    int64 `json:"dropped,omitempty"`
	// Last are the last requests that were this route's, the oldest first.
	Last []RoutedRequest `json:"last,omitempty"`
}

// RoutePort is a port of a Service, the pods' port that it leads to, and where it leads to on this computer.
type RoutePort struct {
	Port   int    `json:"port"`
	Target int    `json:"target"`
	Local  string `json:"local"`
}

// RoutedRequest is a request that was a route's.
type RoutedRequest struct {
	Time   time.Time `json:"time"`
	Method string    `json:"method"`
	Path   string    `json:"path"`
	// Status is the answer's, 0 where there was none.
	Status int `json:"status"`
	// FailedOpen says why the originals answered, if they did.
	FailedOpen string `json:"failedOpen,omitempty"`
}
