package tunnel

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// sidecar is a carrier server on loopback whose forwards echo.
func sidecar(t *testing.T) (dial Dialer, carriers chan *wire.Carrier) {
	t.Helper()
	carriers = make(chan *wire.Carrier, 10)
	mux := http.NewServeMux()
	mux.Handle(wire.Path, &wire.Server{Token: func() ([]byte, error) { return []byte("secret"), nil }, Hello: wire.Hello{Session: "s"},
		Serve: func(_ context.Context, c *wire.Carrier) {
			carriers <- c
			for {
				in, err := c.Accept()
				if err != nil {
					return
				}
				go func() {
					if stream, err := in.Accept(); err == nil {
						_, _ = io.Copy(stream, stream)
						stream.Close()
					}
				}()
			}
		}})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return func(ctx context.Context) (net.Conn, string, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", server.Listener.Addr().String())
		return conn, "pod-1", err
	}, carriers
}

// line serves a line until the test ends.
func line(t *testing.T, dial Dialer, token string, onState func(event.LinkData)) *Line {
	t.Helper()
	l := NewLine(dial, []byte(token), "s", wire.PurposeBulk, slog.New(slog.DiscardHandler), onState)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); l.Serve(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return l
}

func echo(t *testing.T, conn io.ReadWriter, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != text {
		t.Fatalf("echo: %q, %v", got, err)
	}
}

func TestLineComesBack(t *testing.T) {
	t.Parallel()
	dial, carriers := sidecar(t)
	l := line(t, dial, "secret", func(event.LinkData) {})
	for range 3 {
		stream, err := l.Open(t.Context(), wire.KindForward, wire.ForwardParams{Port: 80})
		if err != nil {
			t.Fatal(err)
		}
		echo(t, stream, "hello")
		c := <-carriers
		_ = c.Close() // as when the pod goes away
		<-c.Done()
		_, _ = io.Copy(io.Discard, stream) // the stream ends with its carrier
	}
}

func TestLineStopsWithoutRights(t *testing.T) {
	t.Parallel()
	dial, _ := sidecar(t)
	var tries atomic.Int32
	stopped := make(chan event.LinkData, 10)
	l := line(t, func(ctx context.Context) (net.Conn, string, error) {
		if tries.Add(1) == 1 {
			return nil, "", problem.New(problem.Forbidden, "you may not port-forward")
		}
		return dial(ctx)
	}, "secret", func(d event.LinkData) {
		if d.State == Stopped {
			stopped <- d
		}
	})
	if d := <-stopped; !strings.Contains(d.Reason, "you may not port-forward") {
		t.Errorf("reason: %+v", d)
	}
	if _, err := l.Await(t.Context()); err == nil || problem.From(err).Code != problem.Forbidden {
		t.Errorf("await on a stopped line: %v", err)
	}
	if n := tries.Load(); n != 1 {
		t.Errorf("%d tries while stopped", n)
	}
	l.Wake() // a command with new credentials
	for l.State().State != Up {
		if _, err := l.Await(t.Context()); err == nil {
			break
		}
	}
}

func TestLineTellsOfAWrongToken(t *testing.T) {
	t.Parallel()
	dial, _ := sidecar(t)
	failed := make(chan event.LinkData, 10)
	line(t, dial, "guess", func(d event.LinkData) { failed <- d })
	if d := <-failed; d.State != Connecting || !strings.Contains(d.Reason, "token") {
		t.Errorf("%+v", d)
	}
}

func TestForwards(t *testing.T) {
	t.Parallel()
	dial, _ := sidecar(t)
	l := line(t, dial, "secret", func(event.LinkData) {})
	f := NewForwards(l.Open, slog.New(slog.DiscardHandler))
	defer f.CloseAll()
	open, err := f.Open(t.Context(), 0, 80)
	if err != nil {
		t.Fatal(err)
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(open.Local))
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	echo(t, conn, "through the carrier")
	conn.Close()

	_, err = NewForwards(l.Open, slog.New(slog.DiscardHandler)).Open(t.Context(), open.Local, 80)
	var p *problem.Error
	if !errors.As(err, &p) || p.Code != problem.PortTaken || !strings.Contains(p.Hint, "which is free") {
		t.Errorf("a taken port: %v", err)
	} else if portOwner(open.Local) != "" && !strings.Contains(p.Message, strconv.Itoa(os.Getpid())) {
		t.Errorf("the owner is not named: %v", err)
	}
	if err := f.Close(open.Local); err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", address); err == nil {
		conn.Close()
		t.Error("a closed port still listens")
	}
	if err := f.Close(open.Local); problem.From(err).Code != problem.NotFound {
		t.Errorf("closing twice: %v", err)
	}
}
