// Package gatewaylink is the way from another process of this computer to the gateway that the daemon's tunnel has: a
// carrier between the two, over the daemon's socket, whose streams the daemon passes on. So the process needs neither
// the tunnel's token nor a connection of its own to the cluster, and a daemon that is replaced costs it connections
// alone.
package gatewaylink

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"

	"github.com/nhctl/nhctl/sidecar/agent/request"
	"github.com/nhctl/nhctl/sidecar/buildinfo"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// session is the name by which both ends know the link.
const session = "link"

// MaxFirst is how many bytes may travel with the request for a connection.
const MaxFirst = 32 << 10

// dial asks for a TCP connection.
type dial struct {
	request.Target
	// First are bytes for the far end.
	First []byte `json:"first,omitempty"`
}

// Open opens a stream to the gateway; first is sent with the request.
type Open func(ctx context.Context, kind wire.Kind, params any, first []byte) (net.Conn, error)

// Serve passes the streams of a link on to a gateway, until the link or ctx ends. The token is the one that the other
// process has named.
func Serve(ctx context.Context, conn net.Conn, token []byte, open Open, logger *slog.Logger) {
	relay := func(ctx context.Context, in *wire.Incoming) error {
		params, first, err := split(in)
		if err != nil {
			return &wire.Refusal{Code: request.Invalid, Reason: err.Error()}
		}
		far, err := open(ctx, in.Kind, params, first)
		if err != nil {
			return err
		}
		near, err := in.Accept()
		if err != nil {
			wire.Reset(far, "no longer wanted")
			return err
		}
		wire.Join(ctx, near, far)
		return nil
	}
	server := &wire.Server{
		Token: func(name string) ([]byte, error) {
			if name != session {
				return nil, fmt.Errorf("no session %q", name)
			}
			return token, nil
		},
		Options: wire.Options{
			Hello: wire.Hello{Build: buildinfo.Version, Session: session},
			Handlers: wire.Handlers{
				wire.KindDial:        relay,
				wire.KindFlow:        relay,
				wire.KindResolve:     relay,
				wire.KindAbout:       relay,
				wire.KindEnvironment: relay,
				wire.KindFiles:       relay,
			},
			Logger: logger,
		},
	}
	server.ServeConn(ctx, conn)
}

// split takes the first bytes off a stream's parameters.
func split(in *wire.Incoming) (any, []byte, error) {
	if in.Kind != wire.KindDial {
		if len(in.Params) == 0 {
			return nil, nil, nil
		}
		return in.Params, nil, nil
	}
	var d dial
	if err := json.Unmarshal(in.Params, &d); err != nil {
		return nil, nil, err
	}
	if len(d.First) > MaxFirst {
		return nil, nil, fmt.Errorf("%d first bytes: the limit is %d", len(d.First), MaxFirst)
	}
	return d.Target, d.First, d.Check()
}
