package gatewayclient

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nhctl/nhctl/sidecar/agent"
	"github.com/nhctl/nhctl/sidecar/agent/request"
	"github.com/nhctl/nhctl/sidecar/contract"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// client is one of a real agent in this process.
func client(t *testing.T) Client {
	t.Helper()
	root := t.TempDir()
	file := filepath.Join(root, contract.TokenDir, contract.Tokens, "s1")
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte("00"), 0o600)); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	a := agent.New(contract.Agent{}, []string{"COLOR=blue"}, root, slog.New(slog.DiscardHandler))
	go func() { done <- a.ServeOn(ctx, listener) }()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := wire.Dial(t.Context(), conn, []byte{0}, wire.Options{Hello: wire.Hello{Session: "s1"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(); cancel(); <-done })
	return Client{Open: c.Open}
}

// answering is a client whose gateway answers each question with the same bytes.
func answering(answer []byte) Client {
	return Client{Open: func(context.Context, wire.Kind, any) (net.Conn, error) {
		near, far := net.Pipe()
		go func() { _, _ = far.Write(answer); far.Close() }()
		return near, nil
	}}
}

func TestDial(t *testing.T) {
	t.Parallel()
	c := client(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		if conn, err := listener.Accept(); err == nil {
			_, _ = io.Copy(conn, conn)
			conn.Close()
		}
	}()
	conn, err := c.Dial(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	_ = wire.CloseWrite(conn)
	if got, err := io.ReadAll(conn); string(got) != "hello" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestFlow(t *testing.T) {
	t.Parallel()
	c := client(t)
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	go func() {
		buffer := make([]byte, 100)
		for {
			n, from, err := socket.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = socket.WriteTo(buffer[:n], from)
		}
	}()
	conn, err := c.Dial(t.Context(), "udp", socket.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, text := range []string{"one", "another"} {
		if _, err := conn.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		buffer := make([]byte, 4) // what has no room is lost
		if n, err := conn.Read(buffer); string(buffer[:n]) != text[:n] || n != min(4, len(text)) || err != nil {
			t.Errorf("%q, %v", buffer[:n], err)
		}
	}
	if _, err := conn.Write(make([]byte, request.MaxDatagram+1)); err == nil {
		t.Error("a datagram that is too long is sent")
	}
}

// What is not reached has a code, and words for people in which nothing steers a terminal.
func TestErrors(t *testing.T) {
	t.Parallel()
	refusing := func(code, reason string) Client {
		return Client{Open: func(context.Context, wire.Kind, any) (net.Conn, error) {
			return nil, errors.Join(wire.ErrRefused, &wire.Refusal{Code: code, Reason: reason})
		}}
	}
	broken := Client{Open: func(context.Context, wire.Kind, any) (net.Conn, error) {
		return nil, errors.New("no connection to the sidecar")
	}}
	for name, tt := range map[string]struct {
		client           Client
		network, address string
		code, text       string
	}{
		"a closed port":   {refusing(request.Refused, "x"), "tcp", "db:1", request.Refused, "db:1: connection refused"},
		"no such name":    {refusing(request.NoSuchName, "x"), "tcp", "nope:80", request.NoSuchName, "no such name"},
		"a hostile agent": {refusing("odd", "\x1b[2J"+strings.Repeat("x", 9999)), "tcp", "db:1", "odd", "x"},
		"no carrier":      {broken, "tcp", "db:5432", NoGateway, "no connection"},
		"an odd address":  {broken, "tcp", "db\x1b:80", request.Invalid, "neither an address nor a name"},
		"an odd network":  {broken, "sctp", "db:80", request.Invalid, "sctp"},
	} {
		_, err := tt.client.Dial(t.Context(), tt.network, tt.address)
		var failed *Error
		if !errors.As(err, &failed) || failed.Code != tt.code || !strings.Contains(err.Error(), tt.text) ||
			len(err.Error()) > 500 || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%s: %q", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	waiting := Client{Open: func(ctx context.Context, _ wire.Kind, _ any) (net.Conn, error) { return nil, ctx.Err() }}
	if _, err := waiting.Dial(ctx, "tcp", "db:1"); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who leaves: %v", err)
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	got, err := client(t).Resolve(t.Context(), "127.0.0.1")
	want := []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if _, err := client(t).Resolve(t.Context(), "a b"); err == nil {
		t.Error("an odd name is asked for")
	}
}

func TestAbout(t *testing.T) {
	t.Parallel()
	if about, took, err := client(t).About(t.Context()); about.Build == "" || took <= 0 || err != nil {
		t.Errorf("%+v, %s, %v", about, took, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	silent := Client{Open: func(context.Context, wire.Kind, any) (net.Conn, error) {
		near, _ := net.Pipe()
		cancel()
		return near, nil
	}}
	if _, _, err := silent.About(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a gateway that does not answer: %v", err)
	}
}

// Whatever a pod answers, no more than an answer is read, and nothing fails but the question.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x02{}"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		c := answering(answer)
		_, _, _ = c.About(t.Context())
		if all, err := c.Resolve(t.Context(), "catalog"); err == nil && len(all) > request.MaxAddresses {
			t.Errorf("%d addresses", len(all))
		}
		conn, err := c.Dial(t.Context(), "udp", "catalog:53")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = conn.Read(make([]byte, 10))
	})
}

// The environment is that of the gateway's container. What can't be one is refused, and no error has a value.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	got, err := client(t).Environment(t.Context())
	if diff := cmp.Diff([]string{"COLOR=blue"}, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	for name, variables := range map[string][]string{
		"no name":    {"=secret"},
		"no value":   {"secret"},
		"a NUL byte": {"A=secret\x00"},
		"too many":   make([]string, request.MaxVariables+1),
	} {
		var answer bytes.Buffer
		if err := request.Answer(&answer, request.Environment{Variables: variables}); err != nil {
			t.Fatal(err)
		}
		_, err := answering(answer.Bytes()).Environment(t.Context())
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
