package tunnel

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nhctl/nhctl/sidecar/wire"
)

// piped is a sidecar that takes what is sent to it. It tells which carrier each stream came on.
func piped(t *testing.T) (dial Dialer, streams <-chan *wire.Carrier) {
	t.Helper()
	came := make(chan *wire.Carrier, 100)
	takes := func(_ context.Context, in *wire.Incoming) error {
		stream, err := in.Accept()
		if err == nil {
			came <- in.Carrier
			_, err = io.Copy(io.Discard, stream)
		}
		return err
	}
	server := &wire.Server{
		Token:   func(string) ([]byte, error) { return []byte("secret"), nil },
		Options: wire.Options{Handlers: wire.Handlers{wire.KindForward: takes}},
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	t.Cleanup(func() { cancel(); serving.Wait() })
	return func(context.Context) (net.Conn, string, error) {
		near, far := net.Pipe()
		serving.Go(func() { server.ServeConn(ctx, far) })
		return near, "pod-1", nil
	}, came
}

func openOn(t *testing.T, l *Lines, streams <-chan *wire.Carrier) (net.Conn, *wire.Carrier) {
	t.Helper()
	stream, err := l.Open(t.Context(), wire.KindForward, nil)
	if err != nil {
		t.Fatal(err)
	}
	return stream, <-streams
}

// keepBusy sends 4 MB a second until the test ends.
func keepBusy(t *testing.T, stream io.Writer) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var sending sync.WaitGroup
	t.Cleanup(func() { cancel(); sending.Wait() })
	sending.Go(func() {
		chunk := make([]byte, 400_000)
		for ctx.Err() == nil {
			if _, err := stream.Write(chunk); err != nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
}

func TestStreamsTakeTheLeastBusyLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dial, streams := piped(t)
		l := NewLines(options(dial, nil), 2)
		serveUntilEnd(t, l.Serve)
		first, one := openOn(t, l, streams)
		time.Sleep(10 * time.Second)
		if _, carrier := openOn(t, l, streams); carrier != one || len(l.all()) != 1 {
			t.Errorf("idle streams are on %d lines", len(l.all()))
		}
		keepBusy(t, first)
		time.Sleep(2 * time.Second)
		if _, carrier := openOn(t, l, streams); carrier != one {
			t.Error("a stream waits for a line that is not there yet")
		}
		time.Sleep(time.Second)
		second, two := openOn(t, l, streams)
		if two == one || len(l.all()) != 2 {
			t.Fatalf("a busy line gets another stream; there are %d lines", len(l.all()))
		}
		keepBusy(t, second)
		time.Sleep(2 * time.Second)
		for range 4 {
			openOn(t, l, streams)
		}
		if n := len(l.all()); n != 2 {
			t.Errorf("%d lines, want 2 at most", n)
		}
		time.Sleep(time.Second)
		first.Close()
		time.Sleep(5 * time.Second)
		if _, carrier := openOn(t, l, streams); carrier != one {
			t.Error("a line that is no longer busy gets no stream")
		}
	})
}

// A second line that can't be had costs nothing but tries.
func TestOneLineIsEnough(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dial, streams := piped(t)
		var once sync.Once
		l := NewLines(options(func(ctx context.Context) (conn net.Conn, pod string, err error) {
			err = errors.New("too many connections")
			once.Do(func() { conn, pod, err = dial(ctx) })
			return conn, pod, err
		}, nil), 3)
		serveUntilEnd(t, l.Serve)
		first, one := openOn(t, l, streams)
		keepBusy(t, first)
		for range 10 {
			time.Sleep(time.Second)
			if _, carrier := openOn(t, l, streams); carrier != one {
				t.Fatal("another carrier")
			}
		}
		if n := len(l.all()); n != 2 {
			t.Errorf("%d lines, of which one is up", n)
		}
	})
}
