package route

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nhctl/nhctl/sidecar/wire"
)

// Protocol is what is known of a port before anyone speaks.
type Protocol string

// The protocols of ports.
const (
	// Unknown is told by who speaks first, and what.
	Unknown Protocol = ""
	// HTTP is version 1 or 2, as the first bytes say: the client speaks first.
	HTTP Protocol = "http"
	// TCP is led by connection, whatever it says.
	TCP Protocol = "tcp"
)

// Server leads the connections of an agent's ports.
type Server struct {
	Table     *Table
	Originals *Originals
	Logger    *slog.Logger

	buffers  buffers
	draining atomic.Bool
	open     atomic.Int64
	arrived  atomic.Int64

	mu      sync.Mutex
	clients map[*client]bool
}

// Open is how many connections of clients there are.
func (s *Server) Open() int { return int(s.open.Load()) }

// Arrived is how many connections of clients have come so far.
func (s *Server) Arrived() int64 { return s.arrived.Load() }

// Serve leads the connections that a listener takes, until ctx ends or the listener fails. It closes the listener, and
// waits for the connections, which end with ctx.
func (s *Server) Serve(ctx context.Context, listener net.Listener, protocol Protocol) error {
	port := listener.Addr().(*net.TCPAddr).Port
	return s.serve(ctx, listener, port, protocol)
}

func (s *Server) serve(ctx context.Context, listener net.Listener, port int, protocol Protocol) error {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	var serving sync.WaitGroup
	defer serving.Wait()
	defer cancel()
	defer stop()
	for {
		conn, err := listener.Accept()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			if !passes(err) {
				return err
			}
			s.Logger.Warn("take a connection", "error", err)
			select { // until a file is closed
			case <-ctx.Done():
			case <-time.After(again):
			}
			continue
		}
		serving.Go(func() { s.serveConn(ctx, &serving, conn, port, protocol) })
	}
}

// passes says whether a listener may take the next connection in spite of an error.
func passes(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ECONNABORTED)
}

// serveConn leads a connection. What it begins for copies goes on after it, as part of what is being served.
func (s *Server) serveConn(
	ctx context.Context, serving *sync.WaitGroup, conn net.Conn, port int, protocol Protocol,
) {
	s.arrived.Add(1)
	s.open.Add(1)
	defer s.open.Add(-1)
	c := &client{
		server:  s,
		port:    port,
		conn:    conn,
		in:      &reader{conn: conn, buffers: &s.buffers},
		from:    hostOf(conn.RemoteAddr()),
		kept:    map[string]*upstream{},
		life:    ctx,
		serving: serving,
	}
	s.mu.Lock()
	if s.clients == nil {
		s.clients = map[*client]bool{}
	}
	s.clients[c] = true
	s.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { wire.Reset(conn, "shut down") })
	defer func() {
		stop()
		cancel()
		c.close()
		s.mu.Lock()
		delete(s.clients, c)
		s.mu.Unlock()
	}()
	switch {
	case protocol == TCP, s.Table.raw(port):
		c.splice(ctx, nil)
	case protocol == HTTP:
		c.serveHTTP(ctx)
	default:
		c.detect(ctx)
	}
}

func hostOf(a net.Addr) string {
	host, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	return host
}

// Resume ends a Drain: connections go on again.
func (s *Server) Resume() { s.draining.Store(false) }

// Drain asks clients to connect elsewhere: answers say that their connection ends, and connections that wait for a
// request end after a while.
func (s *Server) Drain(ctx context.Context, after time.Duration) {
	s.mu.Lock()
	s.draining.Store(true)
	var bridges []*bridge
	for c := range s.clients {
		if c.bridge != nil {
			bridges = append(bridges, c.bridge)
		}
	}
	s.mu.Unlock()
	for _, b := range bridges {
		b.drain()
	}
	select {
	case <-ctx.Done():
		return
	case <-time.After(after):
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.clients {
		if c.waiting.Load() {
			c.conn.Close()
		}
	}
}
