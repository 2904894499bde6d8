package session

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nhctl/nhctl/nhctl/internal/daemon/rpc"
	"github.com/nhctl/nhctl/nhctl/internal/event"
	"github.com/nhctl/nhctl/nhctl/internal/problem"
	"github.com/nhctl/nhctl/nhctl/internal/tunnel"
	"github.com/nhctl/nhctl/nhctl/internal/tunnel/tunneltest"
	"github.com/nhctl/nhctl/sidecar/wire"
)

const id = "0a1b2c3d"

// farEnd takes the carriers of the session that it knows as named. It answers each stream with the purpose of the
// stream's carrier, before it echoes.
func farEnd(t *testing.T, named string) tunnel.Dialer {
	t.Helper()
	answers := func(_ context.Context, in *wire.Incoming) error {
		stream, err := in.Accept()
		if err == nil {
			_, err = io.WriteString(stream, in.Carrier.Peer.Purpose+" ")
		}
		if err == nil {
			_, err = io.Copy(stream, stream)
		}
		return err
	}
	// asks opens a stream of its own on the carrier, and says how that went.
	asks := func(ctx context.Context, in *wire.Incoming) error {
		stream, err := in.Accept()
		if err != nil {
			return err
		}
		_, err = in.Carrier.Open(ctx, wire.KindEnvironment, nil)
		text := "served"
		if err != nil {
			text = "refused"
		}
		_, err = io.WriteString(stream, text)
		return err
	}
	server := &wire.Server{
		Token: func(session string) ([]byte, error) {
			if session != named {
				return nil, errors.New("no such session")
			}
			return []byte("secret"), nil
		},
		Options: wire.Options{Handlers: wire.Handlers{wire.KindForward: answers, wire.KindControl: asks}},
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	t.Cleanup(func() { cancel(); serving.Wait() })
	return func(context.Context) (net.Conn, string, error) {
		near, far := net.Pipe()
		serving.Go(func() { server.ServeConn(ctx, far) })
		return near, "pod-1", nil
	}
}

// linesTo are lines whose carriers all go the same way.
func linesTo(dial tunnel.Dialer) Lines {
	return Lines{Token: []byte("secret"), Interactive: dial, Bulk: dial, Up: func() {}}
}

// connected is a session that dials, until the test ends.
func connected(t *testing.T, l Lines) *Session {
	t.Helper()
	s := New(quiet(), nil, id)
	s.Connect(l)
	t.Cleanup(s.Stop)
	return s
}

// denied is a way that the cluster denies until it is opened, and how often it was tried.
func denied(dial tunnel.Dialer) (guarded tunnel.Dialer, open *atomic.Bool, tries *atomic.Int32) {
	open, tries = new(atomic.Bool), new(atomic.Int32)
	return func(ctx context.Context) (net.Conn, string, error) {
		tries.Add(1)
		if !open.Load() {
			return nil, "", problem.New(problem.Forbidden, "you may not port-forward")
		}
		return dial(ctx)
	}, open, tries
}

// address is a local port's.
func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// said reads the answer of a stream that was told what it needs.
func said(t *testing.T, stream net.Conn, err error, length int) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	text := make([]byte, length)
	if _, err := io.ReadFull(stream, text); err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Interactive work never waits for bulk data: each has a carrier of its own, and its streams take that one.
func TestStreamsTakeTheirCarrier(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := connected(t, linesTo(farEnd(t, id)))
		stream, err := s.Open(t.Context(), wire.KindForward, nil)
		if got := said(t, stream, err, len("interactive")); got != "interactive" {
			t.Errorf("Open took the carrier for %q", got)
		}
		stream, err = s.OpenBulk(t.Context(), wire.KindForward, nil)
		if got := said(t, stream, err, len("bulk")); got != "bulk" {
			t.Errorf("OpenBulk took the carrier for %q", got)
		}
		stream, err = s.OpenBulkWith(t.Context(), wire.KindForward, nil, []byte("first"))
		if got := said(t, stream, err, len("bulk first")); got != "bulk first" {
			t.Errorf("OpenBulkWith: %q", got)
		}
	})
}

// The far end may open streams on the carriers for bulk data alone.
func TestHandlersServeBulkCarriers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := linesTo(farEnd(t, id))
		l.Handlers = wire.Handlers{wire.KindEnvironment: func(_ context.Context, in *wire.Incoming) error {
			_, err := in.Accept()
			return err
		}}
		s := connected(t, l)
		for want, open := range map[string]func(context.Context, wire.Kind, any) (net.Conn, error){
			"refused": s.Open,
			"served":  s.OpenBulk,
		} {
			stream, err := open(t.Context(), wire.KindControl, nil)
			if got := said(t, stream, err, len(want)); got != want {
				t.Errorf("a stream of the far end is %s, want %s", got, want)
			}
		}
	})
}

// A far end that knows the token by another id than the session's is told that one.
func TestLinesAtAnotherID(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := linesTo(farEnd(t, "front"))
		l.At = "front"
		s := connected(t, l)
		if pod, err := s.AwaitPod(t.Context()); pod != "pod-1" || err != nil {
			t.Errorf("up to %q, %v", pod, err)
		}
	})
}

// Lines that have stopped for want of rights dial no more, however long that takes, until the cluster lets the session
// in; then all of them do.
func TestAnsweredBringsBackStoppedLines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dial, open, tries := denied(farEnd(t, id))
		s := connected(t, linesTo(dial))
		time.Sleep(time.Hour)
		if n := tries.Load(); n != 2 || s.Link().State != tunnel.Stopped || s.BulkLink().State != tunnel.Stopped {
			t.Fatalf("%d tries; interactive %+v, bulk %+v", n, s.Link(), s.BulkLink())
		}
		if _, err := s.AwaitPod(t.Context()); problem.From(err).Code != problem.Forbidden {
			t.Errorf("whoever waits for a stopped line hears %v", err)
		}
		open.Store(true)
		s.Answered()
		synctest.Wait()
		if n := tries.Load(); n != 4 || s.Link().State != tunnel.Up || s.BulkLink().State != tunnel.Up {
			t.Errorf("%d tries; interactive %+v, bulk %+v", n, s.Link(), s.BulkLink())
		}
		s.Answered() // every heartbeat says so: a line that is up stays
		synctest.Wait()
		if n := tries.Load(); n != 4 {
			t.Errorf("a carrier that is up was dialled again")
		}
	})
}

// Whoever waits until the carriers are up waits for both, and has lines that rest between two dials try at once.
func TestAwaitUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := linesTo(farEnd(t, id))
		dial, away := l.Bulk, atomic.Bool{}
		away.Store(true)
		l.Bulk = func(ctx context.Context) (net.Conn, string, error) {
			if away.Load() {
				return nil, "", errors.New("no such pod")
			}
			return dial(ctx)
		}
		s := connected(t, l)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := s.AwaitUp(ctx); !errors.Is(err, context.DeadlineExceeded) || s.Link().State != tunnel.Up {
			t.Fatalf("with the interactive carrier alone: %v, which is %+v", err, s.Link())
		}
		synctest.Wait() // the line rests, for some seconds by now
		away.Store(false)
		begin := time.Now()
		if err := s.AwaitUp(t.Context()); err != nil || time.Since(begin) != 0 {
			t.Errorf("it took %s, %v", time.Since(begin), err)
		}
	})
}

// A call that has brought new credentials hears how the lines fare with those, not that they had stopped without. The
// carriers for bulk data go to the pod that the interactive one is up to: they wait for its next try as well.
func TestAwaitUpAfterNewCredentials(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dial, open, _ := denied(farEnd(t, id))
		l := linesTo(dial)
		var s *Session
		l.Bulk = func(ctx context.Context) (net.Conn, string, error) {
			if _, err := s.AwaitPod(ctx); err != nil {
				return nil, "", err
			}
			return dial(ctx)
		}
		s = New(quiet(), nil, id)
		s.Connect(l)
		defer s.Stop()
		synctest.Wait()
		if err := s.AwaitUp(t.Context()); problem.From(err).Code != problem.Forbidden {
			t.Errorf("with credentials that are no better: %v", err)
		}
		synctest.Wait()
		open.Store(true)
		if err := s.AwaitUp(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// The session is told each time that its interactive carrier has come up, and so is the call that works on it.
func TestUpIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := linesTo(farEnd(t, id))
		var conns []net.Conn
		dial := l.Interactive
		l.Interactive = func(ctx context.Context) (net.Conn, string, error) {
			conn, pod, err := dial(ctx)
			conns = append(conns, conn)
			return conn, pod, err
		}
		ups := 0
		l.Up = func() { ups++ }
		s := New(quiet(), nil, id)
		var states []string
		s.Tell(func(e event.Event) {
			if e.Type == event.LinkState {
				states = append(states, e.Link.State)
			}
		})
		s.Connect(l)
		defer s.Stop()
		synctest.Wait()
		conns[0].Close()
		time.Sleep(time.Minute)
		synctest.Wait()
		if want := []string{tunnel.Up, tunnel.Down, tunnel.Up}; ups != 2 || !slices.Equal(states, want) {
			t.Errorf("told %d times; states %q, want %q", ups, states, want)
		}
	})
}

// Before a session has lines, it has no ports, and there is nothing to wake.
func TestNotConnected(t *testing.T) {
	t.Parallel()
	s := New(quiet(), nil, id)
	s.Wake()
	s.Answered()
	if s.Connected() || s.Forwards() != nil {
		t.Errorf("connected: %v, ports: %v", s.Connected(), s.Forwards())
	}
	s.Stop()
}

// Forwarded ports are open until they are closed, or the session ends. Their data goes over the carriers for bulk data.
func TestForwards(t *testing.T) {
	t.Parallel()
	s := connected(t, linesTo(farEnd(t, id)))
	changes := 0
	s.OnChange(func() { changes++ })
	if err := s.AwaitUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, remote := range []int{-1, 0, 65536} {
		if err := s.Forward(rpc.PortPair{Remote: remote}); problem.From(err).Code != problem.Usage {
			t.Errorf("port %d: %v", remote, err)
		}
	}
	for range 2 {
		if err := s.Forward(rpc.PortPair{Local: tunneltest.FreePort(t), Remote: 80}); err != nil {
			t.Fatal(err)
		}
	}
	open := s.Forwards()
	if len(open) != 2 {
		t.Fatalf("%+v", open)
	}
	conn, err := net.Dial("tcp", address(open[0].Local))
	if got := said(t, conn, err, len("bulk")); got != "bulk" {
		t.Errorf("a port takes the carrier for %q", got)
	}
	before := changes
	if err := s.Unforward(open[0].Local); err != nil {
		t.Error(err)
	}
	if left := s.Forwards(); len(left) != 1 || left[0] != open[1] || changes == before {
		t.Errorf("left: %+v, told: %v", left, changes != before)
	}
	s.Stop()
	if conn, err := net.Dial("tcp", address(open[1].Local)); err == nil {
		conn.Close()
		t.Error("a port outlives its session")
	}
}

// A port that the session had before and can't have any more is a notice; the others come back all the same.
func TestReopen(t *testing.T) {
	t.Parallel()
	s := connected(t, linesTo(farEnd(t, id)))
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	lost, free := taken.Addr().(*net.TCPAddr).Port, tunneltest.FreePort(t)
	s.Reopen([]rpc.PortPair{{Local: lost, Remote: 80}, {Local: free, Remote: 81}})
	if all := s.Forwards(); len(all) != 1 || all[0].Local != free || all[0].Remote != 81 {
		t.Errorf("%+v", all)
	}
	if all := s.Notices(); len(all) != 1 || !strings.Contains(all[0], strconv.Itoa(lost)) {
		t.Errorf("%q", all)
	}
}
