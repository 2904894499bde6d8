package debugport

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// hostsOfATest are the hosts of a run at a port that no other test has. A number that is written here would also be
// that of the same test in another checkout, whose debuggers and processes are found in the same kernel.
func hostsOfATest(run uint8) hosts { return hostsOf(uint16(rand.Uint32()), run) }

// opened is the debugger of a program: it greets a client and hangs up.
func opened(t *testing.T, h hosts) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", h.program.String()+":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		if conn, err := listener.Accept(); err == nil {
			_, _ = io.WriteString(conn, "hello")
			conn.Close()
		}
	}()
	return listener
}

// relayed serves clients until the test ends, and returns a function that makes one.
func relayed(t *testing.T, s *server) (come func() net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var serving sync.WaitGroup
	serving.Go(func() { relays(ctx, s, listener) })
	t.Cleanup(func() { cancel(); serving.Wait() })
	return func() net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
}

func heard(t *testing.T, conn net.Conn, want string) {
	t.Helper()
	const limit = time.Minute // far more than it takes, also on a busy machine
	if err := conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); string(got) != want || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// A client that comes before any program learns so at once; one that comes while the program starts again waits for it.
func TestRelays(t *testing.T) {
	t.Parallel()
	s := &server{language: languages()["python"], hosts: hostsOfATest(5)}
	rank := s.rank
	var looks atomic.Int32
	s.rank = func(all []target) []target {
		looks.Add(1)
		return rank(all)
	}
	come := relayed(t, s)
	heard(t, come(), "")
	if n := looks.Load(); n != 1 {
		t.Errorf("it was looked for a program %d times: the client had to wait", n)
	}
	first := opened(t, s.hosts)
	heard(t, come(), "hello")
	first.Close()
	early := come()
	opened(t, s.hosts)
	heard(t, early, "hello")
}

// A port that was closed since it was found is no program: build tools' JVMs close theirs as soon as they are let go
// on.
func TestRelaysOfClosedPort(t *testing.T) {
	t.Parallel()
	s := &server{hosts: hostsOfATest(5)}
	closed := target{address: netip.AddrPortFrom(s.hosts.program, 1)}
	var gone atomic.Bool
	var looks atomic.Int32
	s.rank = func([]target) []target {
		looks.Add(1)
		if gone.Load() {
			return nil
		}
		return []target{closed}
	}
	come := relayed(t, s)
	heard(t, come(), "")
	gone.Store(true)
	heard(t, come(), "")
	if n := looks.Load(); n != 2 {
		t.Errorf("for two clients it was looked for a program %d times: one had to wait", n)
	}
}

// The port opens when the program's debugger has: until then, who asks whether it takes connections hears that it does
// not.
func TestPortOpensWithTheProgram(t *testing.T) {
	t.Parallel()
	const port = 9994
	address := netip.AddrPortFrom(hostsOfATest(6).program, port) // on a host of its own, where no one else listens
	s := &server{language: languages()["python"], hosts: hostsOfATest(5), stderr: io.Discard}
	ctx, cancel := context.WithCancel(t.Context())
	var serving sync.WaitGroup
	defer serving.Wait()
	defer cancel()
	offered := make(chan struct{})
	serving.Go(func() {
		s.watch(ctx, func() { close(offered); serving.Go(func() { s.offer(ctx, address) }) })
	})
	if conn, err := net.Dial("tcp", address.String()); err == nil {
		conn.Close()
		t.Fatal("it takes a connection before there is a program")
	}
	opened(t, s.hosts)
	<-offered
	for {
		if conn, err := net.Dial("tcp", address.String()); err == nil {
			heard(t, conn, "hello")
			conn.Close()
			return
		}
	}
}

// A port where someone listens is taken, and asking takes no port from anyone.
func TestFree(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	address := netip.MustParseAddrPort(listener.Addr().String())
	if err := free(address); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("taken: %v", err)
	}
	if err := free(netip.AddrPortFrom(address.Addr(), 1)); err != nil {
		t.Errorf("free: %v", err)
	}
}
