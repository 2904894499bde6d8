package request

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"

	"github.com/nhctl/nhctl/sidecar/frame"
	"github.com/nhctl/nhctl/sidecar/route"
)

// maxOriginals is the size of a list of originals, maxReport that of a report of routes, in bytes.
const (
	maxOriginals = 256 << 10
	maxReport    = 4 << 20
)

// Intercept says whose connection an agent brings: the rule that has claimed it, and the agent's port. The computer
// knows from its rule where that leads.
type Intercept struct {
	Route string `json:"route"`
	Port  int    `json:"port"`
}

// Check says why a request can't be one.
func (i Intercept) Check() error { return route.Rule{ID: i.Route, Ports: []int{i.Port}}.Check() }

// Routes is how a front's rules are.
type Routes struct {
	// Open is how many connections of clients there are.
	Open   int            `json:"open"`
	Routes []route.Report `json:"routes"`
}

// ReadRoutes reads that.
func ReadRoutes(r io.Reader) (routes Routes, err error) {
	data, err := read(r, frameAnswer, maxReport)
	if err == nil {
		err = json.Unmarshal(data, &routes)
	}
	return routes, err
}

// Originals are the addresses of the ready originals, by the front's ports.
type Originals map[int][]netip.AddrPort

// WriteOriginals tells an agent which originals are ready, on the stream of a rule.
func WriteOriginals(w io.Writer, o Originals) error {
	data, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return frame.Write(w, frameOriginals, data)
}

// ReadOriginals reads that.
func ReadOriginals(r io.Reader) (o Originals, err error) {
	data, err := read(r, frameOriginals, maxOriginals)
	if err == nil {
		err = json.Unmarshal(data, &o)
	}
	for port, all := range o {
		if port < 1 || port > 65535 || len(all) > route.MaxOriginals {
			return nil, fmt.Errorf("%d originals of port %d", len(all), port)
		}
	}
	return o, err
}
