package gatewaylink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/netstack"
	"github.com/nhctl/nhctl/sidecar/agent/request"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// daemon is the daemon's end of links.
type daemon struct {
	open    Open
	serving sync.WaitGroup
	mu      sync.Mutex
	conns   []net.Conn
}

func (d *daemon) connect(_ context.Context, token []byte) (net.Conn, error) {
	near, far := net.Pipe()
	d.mu.Lock()
	d.conns = append(d.conns, far)
	d.mu.Unlock()
	d.serving.Go(func() { Serve(context.Background(), far, token, d.open, slog.New(slog.DiscardHandler)) })
	return near, nil
}

// lose cuts all connections, as a daemon's end does.
func (d *daemon) lose() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.conns {
		c.Close()
	}
}

// begin makes a link to a daemon until the test ends.
func begin(t *testing.T, open Open) (*Link, *daemon) {
	t.Helper()
	d := &daemon{open: open}
	l := New(d.connect, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { l.Close(); d.lose(); d.serving.Wait() })
	return l, d
}

// far is a far end on loopback, which repeats what it hears.
func far(t *testing.T) func(first []byte) (net.Conn, error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); c.Close() }()
		}
	}()
	t.Cleanup(func() { listener.Close() })
	return func(first []byte) (net.Conn, error) {
		c, err := net.Dial("tcp", listener.Addr().String())
		if err == nil {
			_, err = c.Write(first)
		}
		return c, err
	}
}

var web = netip.MustParseAddrPort("10.96.0.10:80")

// A connection goes the whole way, its first bytes with the request; a half-closed one, too.
func TestDialTCP(t *testing.T) {
	t.Parallel()
	dial := far(t)
	var asked []string
	l, _ := begin(t, func(_ context.Context, kind wire.Kind, params any, first []byte) (net.Conn, error) {
		asked = append(asked, fmt.Sprintf("%s %v %q", kind, params, first))
		return dial(first)
	})
	c, err := l.DialTCP(t.Context(), netip.MustParseAddrPort("[::ffff:10.96.0.10]:80"), []byte("hello, "))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(c, "world")
	if err := wire.CloseWrite(c); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); string(got) != "hello, world" || err != nil {
		t.Errorf("%q %v", got, err)
	}
	if diff := cmp.Diff([]string{`dial 10.96.0.10:80 "hello, "`}, asked); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Why something was not reached is told with its code.
func TestRefusals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		code             string
		refused, timeout bool
	}{
		{request.Refused, true, false}, {request.Denied, true, false}, {request.TimedOut, false, true},
		{request.Unreachable, false, false}, {"", false, false},
	}
	for _, test := range tests {
		t.Run(test.code, func(t *testing.T) {
			t.Parallel()
			l, _ := begin(t, func(context.Context, wire.Kind, any, []byte) (net.Conn, error) {
				return nil, fmt.Errorf("open: %w", &wire.Refusal{Code: test.code, Reason: "so it is"})
			})
			_, tcp := l.DialTCP(t.Context(), web, nil)
			_, udp := l.DialUDP(t.Context(), web)
			for _, err := range []error{tcp, udp} {
				if err == nil || errors.Is(err, netstack.ErrRefused) != test.refused ||
					errors.Is(err, netstack.ErrTimeout) != test.timeout {
					t.Errorf("%v", err)
				}
			}
		})
	}
}

// Names and flows go the same way.
func TestResolveAndFlow(t *testing.T) {
	t.Parallel()
	l, _ := begin(t, func(_ context.Context, kind wire.Kind, params any, _ []byte) (net.Conn, error) {
		near, far := net.Pipe()
		switch kind {
		case wire.KindResolve:
			if got := fmt.Sprintf("%s", params); got != `{"name":"api.hidden.svc.cluster.local."}` {
				return nil, &wire.Refusal{Code: request.NoSuchName, Reason: got}
			}
			go func() {
				_ = request.Answer(far, request.Resolved{Addresses: []netip.Addr{web.Addr()}})
				far.Close()
			}()
		case wire.KindFlow:
			go func() {
				for {
					data, err := request.ReadDatagram(far)
					if err != nil || request.WriteDatagram(far, append(data, '!')) != nil {
						return
					}
				}
			}()
		}
		return near, nil
	})
	got, err := l.Resolve(t.Context(), "api.hidden.svc.cluster.local.")
	if err != nil || len(got) != 1 || got[0] != web.Addr() {
		t.Errorf("%v %v", got, err)
	}
	if _, err := l.Resolve(t.Context(), "nothing.hidden.svc.cluster.local."); !l.Missing(err) {
		t.Errorf("%v", err)
	}
	flow, err := l.DialUDP(t.Context(), web)
	if err != nil {
		t.Fatal(err)
	}
	defer flow.Close()
	for _, text := range []string{"one", "two"} {
		if _, err := io.WriteString(flow, text); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 100)
		if n, err := flow.Read(b); string(b[:n]) != text+"!" || err != nil {
			t.Errorf("%q %v", b[:n], err)
		}
	}
}

// A daemon that is lost costs the connections; new ones come about with the next.
func TestLostDaemon(t *testing.T) {
	t.Parallel()
	dial := far(t)
	l, d := begin(t, func(_ context.Context, _ wire.Kind, _ any, first []byte) (net.Conn, error) { return dial(first) })
	c, err := l.DialTCP(t.Context(), web, nil)
	if err != nil {
		t.Fatal(err)
	}
	d.lose()
	if _, err := io.ReadAll(c); err == nil {
		t.Error("the connection has ended as if its far end had")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err = l.DialTCP(ctx, web, []byte("again"))
	if err != nil {
		t.Fatal(err)
	}
	_ = wire.CloseWrite(c)
	if got, err := io.ReadAll(c); string(got) != "again" || err != nil {
		t.Errorf("%q %v", got, err)
	}
}

// Parameters that make no sense are refused.
func TestOddRequests(t *testing.T) {
	t.Parallel()
	l, _ := begin(t, func(context.Context, wire.Kind, any, []byte) (net.Conn, error) {
		t.Error("passed on")
		return nil, errors.New("no")
	})
	for name, params := range map[string]any{
		"no target":  dial{},
		"no port":    dial{Target: request.Target{Host: "web"}},
		"odd host":   dial{Target: request.Target{Host: "a b", Port: 1}},
		"too much":   dial{Target: request.Target{Host: "web", Port: 1}, First: make([]byte, MaxFirst+1)},
		"other type": "text",
	} {
		if _, err := l.line.Open(t.Context(), wire.KindDial, params); code(err) != request.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := l.line.Open(t.Context(), wire.KindSupervisor, nil); err == nil {
		t.Error("a stream of another kind was opened")
	}
}
