package gatewaylink

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"

	"github.com/nhctl/nhctl/nhctl/internal/gatewayclient"
	"github.com/nhctl/nhctl/nhctl/internal/netstack"
	"github.com/nhctl/nhctl/nhctl/internal/tunnel"
	"github.com/nhctl/nhctl/sidecar/agent/request"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// Link is the other process's end.
type Link struct {
	line    *tunnel.Line
	client  gatewayclient.Client
	cancel  context.CancelFunc
	serving sync.WaitGroup
}

// New begins a link, and keeps it up until Close. Connect makes a connection to the daemon that is joined to Serve,
// with the token that it is given; it is called again when the connection is lost.
func New(connect func(ctx context.Context, token []byte) (net.Conn, error), logger *slog.Logger) *Link {
	const size = 32
	token := make([]byte, size)
	_, _ = rand.Read(token) // never fails
	ctx, cancel := context.WithCancel(context.Background())
	l := &Link{cancel: cancel}
	l.line = tunnel.NewLine(tunnel.Options{
		Session: session,
		Purpose: "run",
		Token:   token,
		Dial: func(ctx context.Context) (net.Conn, string, error) {
			conn, err := connect(ctx, token)
			return conn, "daemon", err
		},
		Logger: logger,
	})
	l.client = gatewayclient.Client{Open: l.line.Open}
	l.serving.Go(func() { l.line.Serve(ctx) })
	return l
}

// Close ends the link.
func (l *Link) Close() {
	l.cancel()
	l.serving.Wait()
}

// DialTCP connects to an address of the cluster; first are sent with the request, as far as they fit.
func (l *Link) DialTCP(ctx context.Context, to netip.AddrPort, first []byte) (net.Conn, error) {
	with := first[:min(len(first), MaxFirst)]
	target := request.Target{Host: to.Addr().Unmap().String(), Port: int(to.Port())}
	conn, err := l.line.Open(ctx, wire.KindDial, dial{Target: target, First: with})
	if err != nil {
		return nil, told(to, err)
	}
	if _, err := conn.Write(first[len(with):]); err != nil {
		wire.Reset(conn, "")
		return nil, err
	}
	return conn, nil
}

// DialUDP opens a flow to an address of the cluster.
func (l *Link) DialUDP(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	conn, err := l.client.Dial(ctx, "udp", netip.AddrPortFrom(to.Addr().Unmap(), to.Port()).String())
	if err != nil {
		return nil, told(to, err)
	}
	return conn, nil
}

// Resolve returns the addresses of a name, as the cluster's server knows them.
func (l *Link) Resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	return l.client.Resolve(ctx, name)
}

// Environment is that of the gateway's container, as NAME=VALUE.
func (l *Link) Environment(ctx context.Context) ([]string, error) { return l.client.Environment(ctx) }

// Files calls a function with each update of the files of the gateway's container, until one fails.
func (l *Link) Files(ctx context.Context, update func(request.Files) error) error {
	return l.client.Files(ctx, update)
}

// Missing says whether an error of Resolve is that there is no such name.
func (l *Link) Missing(err error) bool { return code(err) == request.NoSuchName }

// code is that of a refusal, if the error is one.
func code(err error) string {
	var failed *gatewayclient.Error
	if errors.As(err, &failed) {
		return failed.Code
	}
	var refusal *wire.Refusal
	if errors.As(err, &refusal) {
		return refusal.Code
	}
	return ""
}

// told is an error as the network stack tells it.
func told(to netip.AddrPort, err error) error {
	switch code(err) {
	case request.Refused, request.Denied:
		return fmt.Errorf("%s: %w: %w", to, netstack.ErrRefused, err)
	case request.TimedOut:
		return fmt.Errorf("%s: %w: %w", to, netstack.ErrTimeout, err)
	}
	return fmt.Errorf("%s: %w", to, err)
}
