// Package gatewayclient is the computer's end of what a gateway's agent does: connections, UDP flows and names, as the
// pod has them. What comes from the pod is checked and limited. It knows carriers only by functions that open streams.
package gatewayclient

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/escape"
	"github.com/nhctl/nhctl/sidecar/agent/request"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// NoGateway is the code of what could not be asked, since no carrier is up. The others are those of package request.
const NoGateway = "no-gateway"

// Open opens a stream on a carrier, once one is up.
type Open func(ctx context.Context, kind wire.Kind, params any) (net.Conn, error)

// Client asks one gateway.
type Client struct{ Open Open }

// Error says why something was not reached.
type Error struct {
	// Code is one of package request's, or NoGateway.
	Code string
	// Target is what was to be reached.
	Target string
	Cause  error
}

func (e *Error) Error() string {
	text, known := map[string]string{
		request.Refused:     "connection refused",
		request.Unreachable: "no way there",
		request.TimedOut:    "no answer in time",
		request.NoSuchName:  "no such name in the cluster",
	}[e.Code]
	if !known {
		const most = 300
		text = e.Cause.Error()
		text = escape.Line(text[:min(len(text), most)])
	}
	return e.Target + ": " + text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// explain makes an Error of whatever a stream could not be opened by.
func explain(target string, err error) error {
	var refusal *wire.Refusal
	switch {
	case errors.As(err, &refusal):
		return &Error{Code: refusal.Code, Target: target, Cause: err}
	case errors.Is(err, context.Canceled):
		return err
	}
	return &Error{Code: NoGateway, Target: target, Cause: err}
}

// Dial connects to a name or an address of the cluster, over "tcp" or "udp". Of a udp connection each read and each
// write is one datagram.
func (c Client) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	target, err := request.TargetOf(address)
	if err != nil {
		return nil, &Error{Code: request.Invalid, Target: escape.Line(address), Cause: err}
	}
	kind := wire.KindDial
	switch network {
	case "tcp":
	case "udp":
		kind = wire.KindFlow
	default:
		return nil, &Error{Code: request.Invalid, Target: address, Cause: net.UnknownNetworkError(network)}
	}
	stream, err := c.Open(ctx, kind, target)
	if err != nil {
		return nil, explain(address, err)
	}
	if kind == wire.KindFlow {
		stream = &flow{Conn: stream, reader: bufio.NewReader(stream)}
	}
	return stream, nil
}

// Resolve returns the addresses that a name has in the cluster.
func (c Client) Resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	of := request.Name{Name: name}
	if err := of.Check(); err != nil {
		return nil, &Error{Code: request.Invalid, Target: escape.Line(name), Cause: err}
	}
	answer, err := ask[request.Resolved](ctx, c, wire.KindResolve, of, request.MaxAnswer)
	if err != nil {
		return nil, explain(name, err)
	}
	return answer.Addresses[:min(len(answer.Addresses), request.MaxAddresses)], nil
}

// About asks the gateway how it is, and how long that takes: the question goes the whole way that connections go.
func (c Client) About(ctx context.Context) (request.About, time.Duration, error) {
	begin := time.Now()
	answer, err := ask[request.About](ctx, c, wire.KindAbout, nil, request.MaxAnswer)
	if err != nil {
		return answer, 0, explain("the gateway", err)
	}
	return answer, time.Since(begin), nil
}

// Environment is that of the gateway's container, as NAME=VALUE.
func (c Client) Environment(ctx context.Context) ([]string, error) {
	answer, err := ask[request.Environment](ctx, c, wire.KindEnvironment, nil, request.MaxEnvironment)
	if err == nil {
		err = answer.Check()
	}
	if err != nil {
		return nil, explain("the gateway's environment", err)
	}
	return answer.Variables, nil
}

// Files calls a function with each update of the files of the gateway's container: of all at first, and then of those
// that have changed. It returns when the stream breaks, or the function fails.
func (c Client) Files(ctx context.Context, update func(request.Files) error) error {
	const what = "the gateway's files"
	stream, err := c.Open(ctx, wire.KindFiles, nil)
	if err != nil {
		return explain(what, err)
	}
	defer stream.Close()
	stop := context.AfterFunc(ctx, func() { _ = stream.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	for {
		files, err := request.ReadFiles(stream)
		if err != nil {
			return explain(what, fmt.Errorf("read an update: %w", err))
		}
		if err := update(files); err != nil {
			return err
		}
	}
}

// ask opens a stream, and reads its one answer, of at most so many bytes.
func ask[A any](ctx context.Context, c Client, kind wire.Kind, params any, limit int) (answer A, err error) {
	stream, err := c.Open(ctx, kind, params)
	if err != nil {
		return answer, err
	}
	defer stream.Close()
	stop := context.AfterFunc(ctx, func() { _ = stream.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	answer, err = request.ReadAnswer[A](stream, limit)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		err = fmt.Errorf("read the answer: %w", err)
	}
	return answer, err
}

// flow is a UDP flow as a connection.
type flow struct {
	net.Conn
	reading sync.Mutex
	reader  *bufio.Reader
}

// Read reads one datagram; what has no room in b is lost, as with a socket.
func (f *flow) Read(b []byte) (int, error) {
	f.reading.Lock()
	defer f.reading.Unlock()
	data, err := request.ReadDatagram(f.reader)
	return copy(b, data), err
}

// Write writes one datagram.
func (f *flow) Write(b []byte) (int, error) {
	if err := request.WriteDatagram(f.Conn, b); err != nil {
		return 0, err
	}
	return len(b), nil
}
