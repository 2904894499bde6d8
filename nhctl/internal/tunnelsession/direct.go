package tunnelsession

import (
	"context"
	"net"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/registry"
	"github.com/nhctl/nhctl/nhctl/internal/record"
	"github.com/nhctl/nhctl/nhctl/internal/session"
	"github.com/nhctl/nhctl/sidecar/agent/request"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// firstLimit limits how long a local process takes the first bytes, which it has room for before it reads any.
const firstLimit = 5 * time.Second

// bringer is a session that has a Service's traffic come to this computer.
type bringer interface {
	session.Live
	Holder() record.Holder
	// Direct connects to the local process that a connection to the Service would come to; nil where it has to go
	// through the cluster.
	Direct(ctx context.Context, host string, port int) net.Conn
}

// direct connects to a local process that the cluster would lead a connection to: by a route of the same developer in
// the same namespace. It returns nil for every other one.
func (s *Session) direct(ctx context.Context, to request.Target) net.Conn {
	mine := s.record()
	for _, b := range registry.Of[bringer](s.kind.registry) {
		if namespace, place := b.Home(); namespace != mine.Namespace || !place.Same(mine.Place) ||
			b.Holder() != mine.Holder {
			continue
		}
		if conn := b.Direct(ctx, to.Host, to.Port); conn != nil {
			return conn
		}
	}
	return nil
}

// openFor opens a stream to the gateway, unless it is a connection that a local process takes.
func (s *Session) openFor(ctx context.Context, kind wire.Kind, params any) (net.Conn, error) {
	if to, ok := params.(request.Target); ok && kind == wire.KindDial {
		if conn := s.direct(ctx, to); conn != nil {
			return conn, nil
		}
	}
	return s.OpenBulk(ctx, kind, params)
}

// openWith is openFor with the first bytes for the far end.
func (s *Session) openWith(ctx context.Context, kind wire.Kind, params any, first []byte) (net.Conn, error) {
	if to, ok := params.(request.Target); ok && kind == wire.KindDial {
		if conn := s.direct(ctx, to); conn != nil {
			_ = conn.SetWriteDeadline(time.Now().Add(firstLimit))
			if _, err := conn.Write(first); err != nil {
				conn.Close()
				return nil, &wire.Refusal{Code: request.Failed, Reason: err.Error()}
			}
			_ = conn.SetWriteDeadline(time.Time{})
			return conn, nil
		}
	}
	return s.OpenBulkWith(ctx, kind, params, first)
}
