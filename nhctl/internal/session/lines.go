package session

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/tunnel"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// Lines say how a session's carriers are dialled: one for interactive work, and those for bulk data.
type Lines struct {
	Token []byte
	// At is the id by which the far end knows the token, where that is not the session's own.
	At                string
	Interactive, Bulk tunnel.Dialer
	// Handlers serve the streams that the far end opens on the carriers for bulk data.
	Handlers wire.Handlers
	// Death is the silence after which a carrier is given up; 0 means the default.
	Death time.Duration
	// Up is called whenever the interactive carrier has come up.
	Up func()
}

// bulkCarriers is how many carriers for bulk work a session has at most. Each is a connection to the API server.
const bulkCarriers = 3

// Connect begins to dial; it does not wait. It may be called once.
func (s *Session) Connect(l Lines) {
	link := tunnel.Options{
		Session: cmp.Or(l.At, s.ID()),
		Token:   l.Token,
		Death:   l.Death,
		Logger:  s.Logger.With("session", s.ID()),
	}
	link.Dial, link.Purpose, link.Handlers = l.Bulk, wire.PurposeBulk, l.Handlers
	bulk := tunnel.NewLines(link, bulkCarriers)
	link.Handlers = nil
	link.Dial, link.Purpose = l.Interactive, wire.PurposeInteractive
	link.OnState = func(d event.LinkData) {
		s.Emit(event.Event{Type: event.LinkState, Link: &d})
		if d.State == tunnel.Up {
			l.Up()
		}
	}
	interactive := tunnel.NewLine(link)
	s.mu.Lock()
	s.interactive, s.bulk, s.forwards = interactive, bulk, tunnel.NewForwards(bulk.Open, link.Logger)
	s.mu.Unlock()
	s.Go("interactive carrier", func() { interactive.Serve(s.context) })
	s.Go("bulk carriers", func() { bulk.Serve(s.context) })
}

// Connected says whether Connect was called: lines and ports are there from then on.
func (s *Session) Connected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.interactive != nil
}

// Wake lets lines that rest between two dials try again at once.
func (s *Session) Wake() {
	if s.Connected() {
		s.interactive.Wake()
		s.bulk.Wake()
	}
}

// Answered says that the cluster has let the session in. Lines that had stopped for want of credentials or rights try
// again: no one else may ever say that these are good again.
func (s *Session) Answered() {
	if s.Connected() {
		s.interactive.Answered()
		s.bulk.Answered()
	}
}

// AwaitUp returns when both carriers are up.
func (s *Session) AwaitUp(ctx context.Context) error {
	s.Wake()
	if _, err := s.interactive.Await(ctx); err != nil {
		return err
	}
	_, err := s.bulk.Await(ctx)
	return err
}

// Link tells how the interactive carrier is.
func (s *Session) Link() event.LinkData { return s.interactive.State() }

// AwaitPod returns the pod that the interactive carrier is up to.
func (s *Session) AwaitPod(ctx context.Context) (string, error) {
	if _, err := s.interactive.Await(ctx); err != nil {
		return "", err
	}
	return s.Link().Pod, nil
}

// Open opens a stream on the interactive carrier.
func (s *Session) Open(ctx context.Context, kind wire.Kind, params any) (net.Conn, error) {
	return s.interactive.Open(ctx, kind, params)
}

// OpenBulk opens a stream on the bulk carrier.
func (s *Session) OpenBulk(ctx context.Context, kind wire.Kind, params any) (net.Conn, error) {
	return s.bulk.Open(ctx, kind, params)
}

// OpenBulkWith is OpenBulk for a stream whose first data is known: it goes with the request.
func (s *Session) OpenBulkWith(ctx context.Context, kind wire.Kind, params any, first []byte) (net.Conn, error) {
	return s.bulk.OpenWith(ctx, kind, params, first)
}

// Forwards lists the forwarded ports.
func (s *Session) Forwards() []event.ForwardData {
	if !s.Connected() {
		return nil
	}
	return s.forwards.List()
}

// Forward opens a local port until the session ends; a local port of 0 takes a free one.
func (s *Session) Forward(p rpc.PortPair) error {
	if p.Remote < 1 || p.Remote > 65535 {
		return problem.New(problem.Usage, "port %d: want one from 1 to 65535", p.Remote)
	}
	defer s.tell()
	_, err := s.forwards.Open(s.context, p.Local, p.Remote)
	return err
}

// Unforward closes a local port.
func (s *Session) Unforward(local int) error {
	defer s.tell()
	return s.forwards.Close(local)
}

// Reopen opens the ports that the session had before; those that can't be had become notices.
func (s *Session) Reopen(ports []rpc.PortPair) {
	for _, p := range ports {
		if err := s.Forward(p); err != nil {
			s.Note(fmt.Sprint(err))
		}
	}
}

// BulkLink tells how the bulk carrier is.
func (s *Session) BulkLink() event.LinkData { return s.bulk.State() }
