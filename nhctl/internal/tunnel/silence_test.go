package tunnel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/sidecar/wire"
)

// road dials through a proxy on loopback. Of each connection it gives a gate: while that is locked, the connection
// stands, but nothing comes through, as when a network drops every packet.
func road(t *testing.T, dial Dialer) (Dialer, <-chan *sync.Mutex) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gates := make(chan *sync.Mutex, 10)
	var proxy sync.WaitGroup
	t.Cleanup(func() { listener.Close(); proxy.Wait() })
	proxy.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, _, err := dial(context.Background())
			if err != nil {
				near.Close()
				continue
			}
			gate := &sync.Mutex{}
			proxy.Go(func() { carry(gate, far, near) })
			proxy.Go(func() { carry(gate, near, far) })
			gates <- gate
		}
	})
	return func(ctx context.Context) (net.Conn, string, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", listener.Addr().String())
		return conn, "", err
	}, gates
}

// carry copies one way, while the gate is open.
func carry(gate *sync.Mutex, to io.WriteCloser, from io.Reader) {
	defer to.Close()
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		gate.Lock()
		_, failed := to.Write(buffer[:n])
		gate.Unlock()
		if err != nil || failed != nil {
			return
		}
	}
}

// jammed is a line with a stream on its first carrier, which is silent from now on. again answers each dial after the
// first one.
func jammed(
	t *testing.T, again func(try int32) error, onState func(first *wire.Carrier, state event.LinkData),
) (l *Line, first *wire.Carrier, stream net.Conn, gate *sync.Mutex) {
	t.Helper()
	dial, _ := sidecar(t)
	dial, gates := road(t, dial)
	var tries atomic.Int32
	var carrier atomic.Pointer[wire.Carrier]
	l = line(t, func(ctx context.Context) (net.Conn, string, error) {
		try := tries.Add(1)
		if try > 1 {
			if err := again(try); err != nil {
				return nil, "", err
			}
		}
		conn, _, err := dial(ctx)
		return conn, fmt.Sprintf("pod-%d", try), err
	}, func(d event.LinkData) { onState(carrier.Load(), d) })
	first, err := l.Await(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	carrier.Store(first)
	if stream, err = l.Open(t.Context(), wire.KindForward, wire.ForwardParams{Port: 80}); err != nil {
		t.Fatal(err)
	}
	echo(t, stream, "before the silence")
	gate = <-gates
	gate.Lock()
	return l, first, stream, gate
}

func TestSilentCarrierIsReplaced(t *testing.T) {
	t.Parallel()
	states := make(chan event.LinkData, 10)
	l, first, stream, gate := jammed(t, func(int32) error { return nil }, func(first *wire.Carrier, d event.LinkData) {
		if d.Pod == "pod-2" {
			select {
			case <-first.Done():
				t.Error("the first carrier fell before the second was in its place")
			default:
			}
		}
		states <- d
	})
	defer gate.Unlock()
	if diff := cmp.Diff([]event.LinkData{{State: Up, Pod: "pod-1"}, {State: Up, Pod: "pod-2"}},
		[]event.LinkData{<-states, <-states}); diff != "" {
		t.Fatalf("the line must not go down in between:\n%s", diff)
	}
	next, err := l.Open(t.Context(), wire.KindForward, wire.ForwardParams{Port: 80})
	if err != nil {
		t.Fatal(err)
	}
	echo(t, next, "over the second")
	<-first.Done()
	_, _ = io.Copy(io.Discard, stream) // the stream ends with its carrier
}

// A connection that was only slow lives on when no second one can be had.
func TestSlowCarrierIsKept(t *testing.T) {
	t.Parallel()
	states, tried := make(chan event.LinkData, 10), make(chan struct{}, 1)
	l, first, stream, gate := jammed(t, func(try int32) error {
		if try == 2 {
			tried <- struct{}{}
		}
		return errors.New("no network")
	}, func(_ *wire.Carrier, d event.LinkData) { states <- d })
	<-tried
	gate.Unlock()
	echo(t, stream, "after the silence")
	if c, err := l.Await(t.Context()); err != nil || c != first {
		t.Errorf("the carrier is another one: %v", err)
	}
	if diff := cmp.Diff([]event.LinkData{{State: Up, Pod: "pod-1"}}, []event.LinkData{<-states}); diff != "" ||
		len(states) > 0 {
		t.Errorf("the line went down in between: %d more changes\n%s", len(states), diff)
	}
}
