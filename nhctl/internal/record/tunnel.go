package record

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/nhctl/nhctl/nhctl/internal/workload"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/document"
)

// TunnelKind is the kind of the sessions of tunnels, TunnelVersion the format of their records that this build writes.
const (
	TunnelKind    = "tunnel"
	TunnelVersion = 1
)

// Tunnel is what the cluster stores of a tunnel: a developer's way from one computer into one namespace.
type Tunnel struct {
	Kind      string `json:"kind"`
	Version   int    `json:"version"`
	Session   string `json:"session"`
	Namespace string `json:"namespace"`
	// Place is where the holder's client found the namespace.
	Place  Place     `json:"place"`
	Holder Holder    `json:"holder"`
	Since  time.Time `json:"since"`
	// Port is the carrier's on the loopback of the gateway's pod.
	Port int `json:"port"`
	// Image is the gateway's. NeverPull says that no registry has it. ByExec says that the agent comes into it through
	// exec, ElseByExec that it may do so where the image can't be had.
	Image      string `json:"image"`
	NeverPull  bool   `json:"neverPull,omitempty"`
	ByExec     bool   `json:"byExec,omitempty"`
	ElseByExec bool   `json:"elseByExec,omitempty"`
	// Borrowed says that the image is one that pods of the namespace run: each gateway takes one that is there.
	Borrowed bool `json:"borrowed,omitempty"`
	// Workload is the one whose companion the gateway is, Container one of its containers; a plain gateway has neither.
	Workload  workload.Ref `json:"workload,omitzero"`
	Container string       `json:"container,omitempty"`
	// Heartbeat is when the holder's daemon last renewed the Lease.
	Heartbeat time.Time `json:"-"`
	// Unknown is what a newer build has added to this version, at any depth: it survives a rewrite.
	Unknown *document.Unknown `json:"-"`
}

func tunnelHead() document.Head { return document.Head{Kind: TunnelKind, Version: TunnelVersion} }

// Companion says whether the gateway is one of a workload.
func (t Tunnel) Companion() bool { return t.Workload != (workload.Ref{}) }

// Lease is the name of the tunnel's Lease. A developer has one plain tunnel from a computer into a namespace, and one
// for each workload: creating the Lease is the lock.
func (t Tunnel) Lease() string {
	const bytes = 6
	of := t.Holder.User + "\x00" + t.Holder.Local
	if t.Companion() {
		of += "\x00" + t.Workload.String()
	}
	sum := sha256.Sum256([]byte(of))
	return "nhctl-tunnel-" + hex.EncodeToString(sum[:bytes])
}

// Silent is how long ago the tunnel's daemon was last heard of.
func (t Tunnel) Silent(now time.Time) time.Duration { return silentSince(t.Heartbeat, now) }

// Abandoned says whether no computer comes through the gateway any more: it ends by itself after so long.
func (t Tunnel) Abandoned(now time.Time) bool {
	return t.Silent(now) > contract.AgentLinger*time.Second
}

// Claim is the tunnel's Lease.
func (t Tunnel) Claim() Claim { return Claim{t.Namespace, t.Lease(), t.Session, contract.RoleTunnel} }

// Home is where the tunnel leads.
func (t Tunnel) Home() (namespace string, place Place) { return t.Namespace, t.Place }

// LedBy is the record where a client leads there that has proven to be of a server.
func (t Tunnel) LedBy(server string) Tunnel {
	t.Place.Server = server
	return t
}

// Text is the record as the cluster has it.
func (t Tunnel) Text() (string, error) {
	t.Kind, t.Version = TunnelKind, TunnelVersion
	data, err := json.Marshal(t)
	return string(data), err
}

// NewLease is the tunnel's Lease.
func (t Tunnel) NewLease() (*coordinationv1.Lease, error) {
	text, err := t.Text()
	return newLease(t.Claim(), text, t.Holder, t.Since, contract.AgentLinger*time.Second), err
}

// TunnelFromLease reads the record of a Lease of the namespace. Whoever may write Leases there may have written it.
func TunnelFromLease(l *coordinationv1.Lease) (Tunnel, error) {
	return fromLease(l, tunnelHead(), func(t *Tunnel, heartbeat time.Time) { t.Heartbeat = heartbeat })
}

// Check decides whether a record can be used: everything that a path, a name, a number or a line on a terminal is made
// of has to be what a tunnel's own program would have written.
func (t Tunnel) Check(source string) error {
	if err := checkHead(source, document.Head{Kind: t.Kind, Version: t.Version}, tunnelHead()); err != nil {
		return err
	}
	for _, why := range []string{
		checkID(t.Version, t.Session, t.Namespace),
		t.Holder.check(),
		t.Place.check(),
		checkLife(t.Port, t.Since, t.Heartbeat),
		t.checkWorkload(),
	} {
		if why != "" {
			return unreadable(source, why)
		}
	}
	if t.Image == "" || !plain(t.Image, maxName) {
		return unreadable(source, "its image is none")
	}
	return nil
}

func (t Tunnel) checkWorkload() string {
	switch {
	case !t.Companion() && t.Container == "":
		return ""
	case len(validation.IsDNS1123Label(t.Container)) > 0:
		return fmt.Sprintf("%q is no container", clip(t.Container))
	}
	return checkRef(t.Workload)
}

// tunnelFields are a Tunnel without its methods.
type tunnelFields Tunnel

// UnmarshalJSON keeps what this build does not know.
func (t *Tunnel) UnmarshalJSON(text []byte) (err error) {
	t.Unknown, err = document.Decode(text, (*tunnelFields)(t))
	return err
}

// MarshalJSON writes it again.
func (t Tunnel) MarshalJSON() ([]byte, error) { return document.Encode(tunnelFields(t), t.Unknown) }
