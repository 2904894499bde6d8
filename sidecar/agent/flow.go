package agent

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nhctl/nhctl/sidecar/agent/request"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// flowIdle is how long a flow lives without a datagram.
const flowIdle = 2 * time.Minute

// flow carries the datagrams between a computer and one UDP address, until either end has gone, or none came for a
// while. Where a port is closed, the stream is reset with that reason.
func (a *Agent) flow(ctx context.Context, in *wire.Incoming) error {
	conn, err := a.connect(ctx, "udp", in.Params)
	if err != nil {
		return err
	}
	defer conn.Close()
	stream, err := in.Accept()
	if err != nil {
		return err
	}
	a.flows.Add(1)
	defer a.flows.Add(-1)
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	var last latest
	last.note()
	var failed error
	var sending sync.WaitGroup
	sending.Go(func() {
		failed = send(stream, conn, &last)
		conn.Close()
	})
	err = a.receive(conn, stream, &last)
	_ = stream.SetReadDeadline(time.Unix(1, 0)) // the sender waits there
	sending.Wait()
	return errors.Join(failed, err)
}

// latest is when there was a datagram in either direction.
type latest struct{ atomic.Int64 }

func (l *latest) note()           { l.Store(time.Now().UnixNano()) }
func (l *latest) time() time.Time { return time.Unix(0, l.Load()) }

// send passes on what comes from the computer, until that ends the flow. A datagram that is too large for the network
// is lost, as others are.
func send(stream, conn net.Conn, last *latest) error {
	for {
		data, err := request.ReadDatagram(stream)
		if err != nil {
			return nil
		}
		last.note()
		_, err = conn.Write(data)
		switch {
		case err == nil, errors.Is(err, syscall.EMSGSIZE):
		case errors.Is(err, net.ErrClosed):
			return nil
		default:
			return err
		}
	}
}

// receive passes on what comes from the address, until none has come for a while.
func (a *Agent) receive(conn, stream net.Conn, last *latest) error {
	buffer := make([]byte, request.MaxDatagram)
	for {
		end := last.time().Add(a.idle)
		if !time.Now().Before(end) {
			return nil
		}
		_ = conn.SetReadDeadline(end)
		n, err := conn.Read(buffer)
		var network net.Error
		switch {
		case err == nil:
		case errors.As(err, &network) && network.Timeout():
			continue // there may have been one in the other direction
		case errors.Is(err, net.ErrClosed):
			return nil
		default:
			return err
		}
		last.note()
		if err := request.WriteDatagram(stream, buffer[:n]); err != nil {
			return nil // the computer has gone
		}
	}
}
