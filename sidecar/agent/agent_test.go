package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nhctl/nhctl/sidecar/agent/request"
	"github.com/nhctl/nhctl/sidecar/buildinfo"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// serve runs an agent with a session, and returns a carrier to it.
func serve(t *testing.T, changes ...func(*Agent)) *wire.Carrier {
	t.Helper()
	return serveWith(t, nil, changes...)
}

// serveWith is serve for a computer that serves streams.
func serveWith(t *testing.T, handlers wire.Handlers, changes ...func(*Agent)) *wire.Carrier {
	t.Helper()
	root := t.TempDir()
	file := filepath.Join(root, contract.TokenDir, contract.Tokens, "s1")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("736563726574\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := New(contract.Agent{Session: "s1"}, nil, root, slog.New(slog.DiscardHandler))
	for _, change := range changes {
		change(a)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.ServeOn(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := wire.Dial(t.Context(), conn, []byte("secret"), wire.Options{
		Hello:    wire.Hello{Session: "s1"},
		Handlers: handlers,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// listening serves each TCP connection, and returns where.
func listening(t *testing.T, handle func(*net.TCPConn)) request.Target {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go handle(conn.(*net.TCPConn))
		}
	}()
	return targetOf(t, listener.Addr())
}

func targetOf(t *testing.T, address net.Addr) request.Target {
	t.Helper()
	target, err := request.TargetOf(address.String())
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// closedPort is where nothing listens.
func closedPort(t *testing.T, network string) request.Target {
	t.Helper()
	if network == "udp" {
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return targetOf(t, conn.LocalAddr())
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return targetOf(t, listener.Addr())
}

// codeOf is the code of a refusal.
func codeOf(err error) string {
	refusal := &wire.Refusal{}
	if !errors.Is(err, wire.ErrRefused) || !errors.As(err, &refusal) {
		return fmt.Sprintf("no refusal: %v", err)
	}
	return refusal.Code
}

// The data of a connection, its first bytes and the end of each direction arrive.
func TestDial(t *testing.T) {
	t.Parallel()
	c := serve(t)
	to := listening(t, func(conn *net.TCPConn) {
		defer conn.Close()
		data, _ := io.ReadAll(conn) // up to the end of the other direction
		_, _ = conn.Write(bytes.ToUpper(data))
	})
	stream, err := c.OpenWith(t.Context(), wire.KindDial, to, []byte("hello "))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Write([]byte("world")); err != nil {
		t.Fatal(err)
	}
	if err := stream.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(stream); string(got) != "HELLO WORLD" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// A reset arrives as a reset, from either end.
func TestResets(t *testing.T) {
	t.Parallel()
	c := serve(t)
	ended := make(chan error, 1)
	to := listening(t, func(conn *net.TCPConn) {
		defer conn.Close()
		first := make([]byte, 1)
		if _, err := io.ReadFull(conn, first); err == nil && first[0] == 'r' {
			_ = conn.SetLinger(0)
			return
		}
		_, err := conn.Read(first)
		ended <- err
	})
	stream, err := c.OpenWith(t.Context(), wire.KindDial, to, []byte("r"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(stream); !errors.Is(err, wire.ErrReset) {
		t.Errorf("a reset by the far end arrives as %v", err)
	}
	if stream, err = c.OpenWith(t.Context(), wire.KindDial, to, []byte("w")); err != nil {
		t.Fatal(err)
	}
	_ = stream.(interface{ Reset(string) error }).Reset("enough")
	if err := <-ended; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a reset by the computer arrives as %v", err)
	}
}

// Each reason for which nothing is reached has a code of its own.
func TestRefusals(t *testing.T) {
	t.Parallel()
	c := serve(t)
	for name, tt := range map[string]struct {
		params any
		want   string
	}{
		"a closed port":    {closedPort(t, "tcp"), request.Refused},
		"no port":          {request.Target{Host: "127.0.0.1"}, request.Invalid},
		"no host":          {request.Target{Port: 80}, request.Invalid},
		"an odd host":      {request.Target{Host: "a b", Port: 80}, request.Invalid},
		"a zone":           {request.Target{Host: "fe80::1%lo", Port: 80}, request.Invalid},
		"a list":           {[]string{"a"}, request.Invalid},
		"a very long name": {request.Target{Host: strings.Repeat("a.", 2000), Port: 80}, request.Invalid},
	} {
		if _, err := c.Open(t.Context(), wire.KindDial, tt.params); codeOf(err) != tt.want {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&net.DNSError{IsNotFound: true}, request.NoSuchName},
		{&net.DNSError{IsTimeout: true}, request.Resolver},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, request.Refused},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)}, request.Unreachable},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}, request.Unreachable},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EPERM)}, request.Denied},
		{&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, request.TimedOut},
		{&net.OpError{Op: "dial", Err: syscall.ETIMEDOUT}, request.TimedOut},
		{context.DeadlineExceeded, request.TimedOut},
		{errors.New("odd"), request.Failed},
	} {
		if got := code(tt.err); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.err, got, tt.want)
		}
	}
}

// names is a resolver.
type names map[string][]netip.Addr

func (n names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if all, known := n[host]; known {
		return all, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	var many []netip.Addr
	for i := range 100 {
		many = append(many, netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}))
	}
	c := serve(t, func(a *Agent) {
		mapped := netip.MustParseAddr("::ffff:10.1.2.3")
		a.resolver = names{"catalog": {mapped, netip.MustParseAddr("fd00::1")}, "many": many}
	})
	resolve := func(name string) ([]netip.Addr, error) {
		stream, err := c.Open(t.Context(), wire.KindResolve, request.Name{Name: name})
		if err != nil {
			return nil, err
		}
		defer stream.Close()
		got, err := request.ReadAnswer[request.Resolved](stream, request.MaxAnswer)
		return got.Addresses, err
	}
	got, err := resolve("catalog")
	want := []netip.Addr{netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("fd00::1")}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	if got, err := resolve("many"); len(got) != request.MaxAddresses || err != nil {
		t.Errorf("%d addresses, %v", len(got), err)
	}
	for name, want := range map[string]string{"nowhere": request.NoSuchName, "": request.Invalid} {
		if _, err := resolve(name); codeOf(err) != want {
			t.Errorf("%q: %v, want %s", name, err, want)
		}
	}
}

func TestAbout(t *testing.T) {
	t.Parallel()
	c := serve(t)
	to := listening(t, func(conn *net.TCPConn) { _, _ = io.Copy(io.Discard, conn) })
	if _, err := c.Open(t.Context(), wire.KindDial, to); err != nil {
		t.Fatal(err)
	}
	stream, err := c.Open(t.Context(), wire.KindAbout, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := request.ReadAnswer[request.About](stream, request.MaxAnswer)
	got.Seconds = 0
	if diff := cmp.Diff(request.About{Build: buildinfo.Version, Connections: 1}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

// udp answers each datagram with a part in front.
func udp(t *testing.T) request.Target {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buffer := make([]byte, request.MaxDatagram)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(append([]byte("re: "), buffer[:n]...), from)
		}
	}()
	return targetOf(t, conn.LocalAddr())
}

func TestFlow(t *testing.T) {
	t.Parallel()
	c := serve(t)
	stream, err := c.Open(t.Context(), wire.KindFlow, udp(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"one", "", strings.Repeat("x", 20_000)} {
		if err := request.WriteDatagram(stream, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := request.ReadDatagram(stream); string(got) != "re: "+text || err != nil {
			t.Errorf("%.20q, %v", got, err)
		}
	}
	closed, err := c.Open(t.Context(), wire.KindFlow, closedPort(t, "udp"))
	if err != nil {
		t.Fatal(err)
	}
	if err := request.WriteDatagram(closed, []byte("anyone?")); err != nil {
		t.Fatal(err)
	}
	if _, err := request.ReadDatagram(closed); !errors.Is(err, wire.ErrReset) ||
		!strings.Contains(err.Error(), "refused") {
		t.Errorf("a closed port: %v", err)
	}
}

// A flow ends when no datagram has come for a while, and what is no datagram ends it at once.
func TestFlowEnds(t *testing.T) {
	t.Parallel()
	short := serve(t, func(a *Agent) { a.idle = time.Millisecond })
	stream, err := short.Open(t.Context(), wire.KindFlow, udp(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := request.ReadDatagram(stream); !errors.Is(err, io.EOF) {
		t.Errorf("an idle flow: %v", err)
	}
	if stream, err = serve(t).Open(t.Context(), wire.KindFlow, udp(t)); err != nil {
		t.Fatal(err)
	}
	if err := request.Answer(stream, "no datagram"); err != nil {
		t.Fatal(err)
	}
	if _, err := request.ReadDatagram(stream); !errors.Is(err, io.EOF) {
		t.Errorf("a flow with something else: %v", err)
	}
}

// The agent stays as long as a carrier, and a while longer.
func TestPresence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		over := make(chan struct{})
		p := newPresence(time.Minute, func() { close(over) })
		defer p.stop()
		is := func(want bool, what string) {
			t.Helper()
			synctest.Wait()
			select {
			case <-over:
				if !want {
					t.Fatalf("%s: it is over", what)
				}
			default:
				if want {
					t.Fatalf("%s: it goes on", what)
				}
			}
		}
		time.Sleep(59 * time.Second)
		first, second := p.up(), p.up()
		time.Sleep(time.Hour)
		is(false, "with two carriers")
		first()
		time.Sleep(time.Hour)
		is(false, "with one carrier")
		second()
		time.Sleep(59 * time.Second)
		is(false, "within the limit")
		time.Sleep(2 * time.Second)
		is(true, "beyond the limit")
	})
}

// Without a carrier, serving ends by itself.
func TestAgentEnds(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := New(contract.Agent{}, nil, t.TempDir(), slog.New(slog.DiscardHandler))
	a.linger = time.Millisecond
	if err := a.ServeOn(t.Context(), listener); err != nil {
		t.Error(err)
	}
}

func TestReadConfig(t *testing.T) {
	t.Parallel()
	want := contract.Agent{Kind: contract.AgentKind, Version: contract.AgentVersion, Session: "s1", Port: 20001,
		Files: []string{"/etc/web"}}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadConfig(string(text))
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	for name, text := range map[string]string{
		"another kind":    `{"kind":"sidecar","version":1}`,
		"a newer version": `{"kind":"agent","version":99}`,
		"nothing":         "",
	} {
		if _, err := ReadConfig(text); err == nil {
			t.Errorf("%s is read", name)
		}
	}
}
