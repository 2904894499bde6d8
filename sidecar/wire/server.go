package wire

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
)

// Server takes carriers of several sessions. A stranger gets nothing, and learns nothing, before it has proven that
// it knows the token of the session that it names.
type Server struct {
	// Token returns the token of a session, or an error if there is no such session.
	Token func(session string) ([]byte, error)
	// Up, where it is set, is called for each carrier that has come up, and what it returns once that is down.
	Up func() (down func())
	Options

	pending atomic.Int32
}

// maxPending limits connections that have not proven themselves yet.
const maxPending = 16

// Serve takes carriers until ctx ends or the listener fails, and waits for them. It closes the listener.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	var serving sync.WaitGroup
	defer serving.Wait()
	defer cancel()
	defer stop()
	for {
		raw, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		serving.Go(func() { s.ServeConn(ctx, raw) })
	}
}

// ServeConn serves one connection until it ends, or ctx does.
func (s *Server) ServeConn(ctx context.Context, raw net.Conn) {
	defer raw.Close()
	logger := s.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	hello := s.Hello
	hello.Version = Version
	if s.pending.Add(1) > maxPending {
		s.pending.Add(-1)
		logger.Warn("a connection is turned away: too many have not proven themselves yet")
		return
	}
	var peer Hello
	var conn *messages
	err := limited(ctx, raw, func() (err error) {
		if conn, err = upgradeServer(raw); err == nil {
			peer, err = handshakeServer(conn, s.Token, hello)
		}
		return err
	})
	s.pending.Add(-1)
	if err != nil {
		logger.Debug("handshake", "error", err)
		return
	}
	o := s.Options
	o.Logger = logger.With("session", peer.Session, "purpose", peer.Purpose, "client", peer.Build)
	o.Logger.Info("carrier up")
	if s.Up != nil {
		defer s.Up()()
	}
	c := newCarrier(ctx, conn, false, peer, o)
	select {
	case <-c.Done():
	case <-ctx.Done():
	}
	_ = c.Close()
	o.Logger.Info("carrier down")
}
