// Package request has what a computer asks of an agent, and what that answers: the parameters and answers of its
// streams, and the codes of its refusals. Either end checks what it gets from the other here. It asks nothing itself.
package request

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/nhctl/nhctl/sidecar/frame"
)

// The codes of refusals.
const (
	Refused     = "refused"      // nothing listens there, or someone on the way says so
	Unreachable = "unreachable"  // there is no way to the host or its network
	TimedOut    = "timeout"      // no one answers
	NoSuchName  = "no-such-name" // the resolver knows no such name
	Resolver    = "resolver"     // the resolver does not answer, or fails
	Denied      = "denied"       // a policy forbids it
	NotReady    = "not-ready"    // the developer's pod is not there, or not ready
	Invalid     = "invalid"      // the request is no valid one
	Failed      = "failed"       // anything else
)

// Limits of requests and answers.
const (
	// MaxParams is the size of a stream's parameters, in bytes.
	MaxParams = 16 << 10
	// MaxName is the length of a name.
	MaxName = 253
	// MaxAnswer is the size of an answer, in bytes.
	MaxAnswer = 16 << 10
	// MaxAddresses is how many addresses of a name are told.
	MaxAddresses = 64
	// MaxDatagram is the most that a UDP datagram carries, in bytes.
	MaxDatagram = 65507
)

// Target is where a connection or a flow leads: a name or an address as seen from the pod, and a port.
type Target struct {
	Host string `json:"host"`
	Port int    `json:"port"`
}

func (t Target) String() string { return net.JoinHostPort(t.Host, strconv.Itoa(t.Port)) }

// TargetOf reads an address such as "catalog:8080" or "[fd00::1]:53".
func TargetOf(address string) (Target, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return Target{}, err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return Target{}, fmt.Errorf("port %q: want a number", clip(port))
	}
	t := Target{Host: host, Port: n}
	return t, t.Check()
}

// Check says why a target can't be one.
func (t Target) Check() error {
	if t.Port < 1 || t.Port > 65535 {
		return fmt.Errorf("port %d: want one from 1 to 65535", t.Port)
	}
	return checkHost(t.Host)
}

// Name is a name that is to be resolved.
type Name struct {
	Name string `json:"name"`
}

// Check says why a name can't be one.
func (n Name) Check() error { return checkHost(n.Name) }

// checkHost accepts addresses without a zone, and names of the characters that hosts' and Services' names have.
func checkHost(host string) error {
	if a, err := netip.ParseAddr(host); err == nil {
		if a.Zone() != "" {
			return fmt.Errorf("%q has a zone, which is one of this computer", clip(host))
		}
		return nil
	}
	if host == "" || len(host) > MaxName+1 || strings.ContainsFunc(host, odd) { // a dot may end it
		return fmt.Errorf("%q is neither an address nor a name", clip(host))
	}
	return nil
}

func odd(c rune) bool {
	return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_')
}

// clip shortens a text that an error quotes.
func clip(text string) string {
	const most = 80
	return text[:min(len(text), most)]
}

// Parse reads a stream's parameters.
func Parse[P interface{ Check() error }](params json.RawMessage) (p P, err error) {
	if len(params) > MaxParams {
		return p, fmt.Errorf("parameters of %d bytes: the limit is %d", len(params), MaxParams)
	}
	if err := json.Unmarshal(params, &p); err != nil {
		return p, err
	}
	return p, p.Check()
}

// Resolved are the addresses of a name.
type Resolved struct {
	Addresses []netip.Addr `json:"addresses"`
}

// About is how an agent is.
type About struct {
	// Build is the agent's, Seconds for how long it has run.
	Build   string  `json:"build"`
	Seconds float64 `json:"seconds"`
	// Connections and Flows are those that it has open.
	Connections int `json:"connections"`
	Flows       int `json:"flows"`
}

// The kinds of frames that streams of an agent carry.
const (
	frameAnswer byte = iota + 1
	frameDatagram
	frameFiles
	frameOriginals
)

// Answer writes an answer.
func Answer(w io.Writer, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return frame.Write(w, frameAnswer, data)
}

// ReadAnswer reads an answer of at most so many bytes.
func ReadAnswer[A any](r io.Reader, limit int) (a A, err error) {
	data, err := read(r, frameAnswer, limit)
	if err == nil {
		err = json.Unmarshal(data, &a)
	}
	return a, err
}

// WriteDatagram writes a datagram of a flow.
func WriteDatagram(w io.Writer, data []byte) error {
	if len(data) > MaxDatagram {
		return fmt.Errorf("a datagram of %d bytes: the limit is %d", len(data), MaxDatagram)
	}
	return frame.Write(w, frameDatagram, data)
}

// ReadDatagram reads a datagram of a flow.
func ReadDatagram(r io.Reader) ([]byte, error) { return read(r, frameDatagram, MaxDatagram) }

var errKind = errors.New("a frame of another kind")

func read(r io.Reader, want byte, limit int) ([]byte, error) {
	kind, data, err := frame.Read(r, limit)
	if err == nil && kind != want {
		err = fmt.Errorf("%w: %d, not %d", errKind, kind, want)
	}
	return data, err
}
