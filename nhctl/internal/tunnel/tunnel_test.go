package tunnel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/tunnel/tunneltest"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// sidecar is a carrier server on loopback whose forwards echo. It tells of each carrier by a function that ends it.
func sidecar(t *testing.T) (dial Dialer, carriers chan context.CancelFunc) {
	t.Helper()
	carriers = make(chan context.CancelFunc, 10)
	server := &wire.Server{
		Token: func(session string) ([]byte, error) {
			if session != "s" {
				return nil, errors.New("no such session")
			}
			return []byte("secret"), nil
		},
		Options: wire.Options{Handlers: wire.Handlers{wire.KindForward: echoes}},
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			ctx, cancel := context.WithCancel(ctx)
			carriers <- cancel
			serving.Go(func() { defer cancel(); server.ServeConn(ctx, conn) })
		}
	})
	t.Cleanup(func() { listener.Close(); stop(); serving.Wait() })
	return func(ctx context.Context) (net.Conn, string, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", listener.Addr().String())
		return conn, "pod-1", err
	}, carriers
}

func echoes(_ context.Context, in *wire.Incoming) error {
	stream, err := in.Accept()
	if err == nil {
		_, err = io.Copy(stream, stream)
	}
	return err
}

// options are those of a line of the test's session.
func options(dial Dialer, onState func(event.LinkData)) Options {
	return Options{
		Dial:    dial,
		Session: "s",
		Token:   []byte("secret"),
		Purpose: wire.PurposeBulk,
		Logger:  slog.New(slog.DiscardHandler),
		OnState: onState,
	}
}

// line serves a line until the test ends.
func line(t *testing.T, dial Dialer, onState func(event.LinkData)) *Line {
	t.Helper()
	l := NewLine(options(dial, onState))
	serveUntilEnd(t, l.Serve)
	return l
}

func serveUntilEnd(t *testing.T, serve func(context.Context)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() { serve(ctx) })
	t.Cleanup(func() { cancel(); serving.Wait() })
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
	l := line(t, dial, func(event.LinkData) {})
	for range 3 {
		stream, err := l.Open(t.Context(), wire.KindForward, wire.ForwardParams{Port: 80})
		if err != nil {
			t.Fatal(err)
		}
		echo(t, stream, "hello")
		(<-carriers)()                     // as when the pod goes away
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
	}, func(d event.LinkData) {
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
	if _, err := l.Await(t.Context()); err != nil {
		t.Errorf("await on a stopped line that was woken: %v", err)
	}
}

func TestLineTellsOfAWrongToken(t *testing.T) {
	t.Parallel()
	dial, _ := sidecar(t)
	failed := make(chan event.LinkData, 10)
	o := options(dial, func(d event.LinkData) { failed <- d })
	o.Token = []byte("guess")
	serveUntilEnd(t, NewLine(o).Serve)
	if d := <-failed; d.State != Connecting || !strings.Contains(d.Reason, "token") {
		t.Errorf("%+v", d)
	}
}

// A line serves the streams that the sidecar opens, of the kinds that it has handlers for.
func TestLineServesStreams(t *testing.T) {
	t.Parallel()
	const hello wire.Kind = "hello"
	answers := make(chan string, 2)
	asks := func(ctx context.Context, in *wire.Incoming) error {
		for _, kind := range []wire.Kind{hello, wire.KindForward} {
			stream, err := in.Carrier.OpenWith(ctx, kind, nil, []byte("who is there?"))
			if err != nil {
				answers <- err.Error()
				continue
			}
			answer, err := io.ReadAll(stream)
			answers <- fmt.Sprint(string(answer), err)
			stream.Close()
		}
		return nil
	}
	server := &wire.Server{
		Token:   func(string) ([]byte, error) { return []byte("secret"), nil },
		Options: wire.Options{Handlers: wire.Handlers{wire.KindControl: asks}},
	}
	o := options(func(context.Context) (net.Conn, string, error) {
		near, far := net.Pipe()
		go server.ServeConn(t.Context(), far)
		return near, "pod-1", nil
	}, nil)
	o.Handlers = wire.Handlers{hello: func(_ context.Context, in *wire.Incoming) error {
		stream, err := in.Accept()
		if err != nil {
			return err
		}
		question := make([]byte, 13)
		if _, err := io.ReadFull(stream, question); err != nil {
			return err
		}
		_, err = io.WriteString(stream, string(question)+" It is I.")
		return err
	}}
	l := NewLine(o)
	serveUntilEnd(t, l.Serve)
	if _, err := l.Open(t.Context(), wire.KindControl, nil); !errors.Is(err, wire.ErrRefused) {
		t.Fatal(err)
	}
	if got := <-answers; got != "who is there? It is I.<nil>" {
		t.Error(got)
	}
	if got := <-answers; !strings.Contains(got, "knows no forward streams") {
		t.Errorf("a kind without a handler: %s", got)
	}
}

func TestForwards(t *testing.T) {
	t.Parallel()
	dial, _ := sidecar(t)
	l := line(t, dial, func(event.LinkData) {})
	f := NewForwards(l.Open, slog.New(slog.DiscardHandler))
	defer f.CloseAll()
	open, err := f.Open(t.Context(), tunneltest.FreePort(t), 80)
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
	} else if PortOwner(open.Local) != "" && !strings.Contains(p.Message, strconv.Itoa(os.Getpid())) {
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
