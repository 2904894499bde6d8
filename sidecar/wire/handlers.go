package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/nhctl/nhctl/sidecar/buildinfo"
	"github.com/nhctl/nhctl/sidecar/mux"
)

// Handler serves a stream of one kind that the far end has opened, until it returns; ctx ends with the carrier. An
// error before it accepts the stream is the reason for which the stream is refused; a later one resets the stream.
type Handler func(ctx context.Context, in *Incoming) error

// Handlers are the kinds of streams that an end serves.
type Handlers map[Kind]Handler

// Incoming is a stream that the far end wants to open.
type Incoming struct {
	Header
	// Carrier is the one that the stream came on. The session that its peer names is the one whose token it knows.
	Carrier *Carrier

	stream   *mux.Stream
	accepted bool
}

// Accept takes the stream. It must not be called twice.
func (in *Incoming) Accept() (net.Conn, error) {
	in.accepted = true
	return in.stream, writeFrame(in.stream, answer{})
}

// serve hands the streams that the far end opens to their handlers, until the carrier ends.
func (c *Carrier) serve(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for {
		stream, err := c.session.Accept()
		if err != nil {
			return
		}
		c.running.Go(func() { c.serveStream(ctx, stream) })
	}
}

// serveStream serves one stream.
func (c *Carrier) serveStream(ctx context.Context, stream *mux.Stream) {
	in := &Incoming{Carrier: c, stream: stream}
	_ = stream.SetReadDeadline(time.Now().Add(headerTimeout))
	if err := readFrame(stream, &in.Header, c.maxHeader); err != nil {
		_ = stream.Reset("read the header: " + err.Error())
		return
	}
	_ = stream.SetReadDeadline(time.Time{})
	handle, ok := c.handlers[in.Kind]
	if !ok {
		handle = unknown
	}
	err := handle(ctx, in)
	if err == nil && !in.accepted {
		err = errors.New("it was not taken")
	}
	switch {
	case err == nil:
		_ = stream.Close()
		return
	case in.accepted:
		_ = stream.Reset(err.Error())
	default:
		a := answer{Refused: err.Error()}
		if refusal := (*Refusal)(nil); errors.As(err, &refusal) {
			a.Code = refusal.Code
		}
		_ = writeFrame(stream, a)
		_ = stream.Close()
	}
	c.logger.Debug("stream", "kind", in.Kind, "error", err)
}

// unknown refuses a stream of a kind that this end does not serve.
func unknown(_ context.Context, in *Incoming) error {
	return fmt.Errorf("this end (%s) knows no %s streams", buildinfo.Version, in.Kind)
}
