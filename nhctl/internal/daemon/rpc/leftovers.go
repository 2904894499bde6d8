package rpc

import "time"

// Leftovers lists all that nhctl has in the caller's namespace, of every kind, whoever's it is.
type Leftovers struct {
	Caller Caller `json:"caller"`
	// AllNamespaces looks in all namespaces that the caller may list, and passes by those in which they may not look.
	AllNamespaces bool `json:"allNamespaces,omitempty"`
}

// RemoveLeftovers ends and removes some of them, each in the way of its kind. Those that have gone by themselves are
// no failure.
type RemoveLeftovers struct {
	Caller Caller `json:"caller"`
	// Keys are those of the leftovers, as they were listed in the caller's namespace.
	Keys []string `json:"keys"`
	// Others are sessions that someone else holds: they stay unless their ids are here.
	Others []string `json:"others,omitempty"`
}

// LeftoverState says whether something of nhctl's may be removed.
type LeftoverState string

// The states.
const (
	// LeftoverYours is the caller's own.
	LeftoverYours LeftoverState = "yours"
	// LeftoverHeld is someone else's, who was heard of lately.
	LeftoverHeld LeftoverState = "held"
	// LeftoverAbandoned is no one's any more.
	LeftoverAbandoned LeftoverState = "abandoned"
	// LeftoverUnclear is left alone: Reason says why.
	LeftoverUnclear LeftoverState = "unclear"
)

// Leftover is a session in a namespace, or what one has left there.
type Leftover struct {
	// Key names it in its namespace.
	Key       string `json:"key"`
	Namespace string `json:"namespace"`
	// Kind is that of the session: "dev", "tunnel" or "route".
	Kind string `json:"kind"`
	// What it is, for people.
	What string `json:"what"`
	// Session, Holder and Since are known of sessions whose record is there.
	Session string     `json:"session,omitempty"`
	Holder  *Holder    `json:"holder,omitempty"`
	Since   *time.Time `json:"since,omitempty"`
	// Silent is how many seconds ago its daemon was last heard of.
	Silent float64       `json:"silent,omitempty"`
	State  LeftoverState `json:"state"`
	Reason string        `json:"reason,omitempty"`
}
