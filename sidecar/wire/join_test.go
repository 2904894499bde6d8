package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"syscall"
	"testing"
)

// tcp is a TCP connection's two ends.
func tcp(t testing.TB) (near, far *net.TCPConn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	one, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	two, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { one.Close(); two.Close() })
	return one.(*net.TCPConn), two.(*net.TCPConn)
}

// forwarded is a TCP connection that goes over a stream: what a client at one end and a program at the other have
// of it.
func forwarded(t testing.TB) (client, program *net.TCPConn) {
	t.Helper()
	programs := make(chan *net.TCPConn, 1)
	c := dialled(t, server(Handlers{KindForward: func(ctx context.Context, in *Incoming) error {
		near, far := tcp(t)
		stream, err := in.Accept()
		if err == nil {
			programs <- far
			Join(ctx, stream, near)
		}
		return err
	}}), nil)
	client, near := tcp(t)
	stream := opened(t, c, KindForward)
	var joined sync.WaitGroup
	joined.Go(func() { Join(context.Background(), near, stream) })
	t.Cleanup(func() { client.Close(); _ = c.Close(); joined.Wait() })
	return client, <-programs
}

func TestForwardPassesOnTheEnd(t *testing.T) {
	t.Parallel()
	client, program := forwarded(t)
	question := bytes.Repeat([]byte("question"), 100_000)
	go func() {
		_, _ = client.Write(question)
		_ = client.CloseWrite()
	}()
	if got, err := io.ReadAll(program); err != nil || !bytes.Equal(got, question) {
		t.Errorf("%d bytes of %d, %v", len(got), len(question), err)
	}
	if _, err := program.Write([]byte("an answer after the end")); err != nil {
		t.Error(err)
	}
	program.Close()
	if got, err := io.ReadAll(client); string(got) != "an answer after the end" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestForwardPassesOnAReset(t *testing.T) {
	t.Parallel()
	for name, choose := range map[string]func(client, program *net.TCPConn) (from, to *net.TCPConn){
		"of the client":  func(c, p *net.TCPConn) (*net.TCPConn, *net.TCPConn) { return c, p },
		"of the program": func(c, p *net.TCPConn) (*net.TCPConn, *net.TCPConn) { return p, c },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to := choose(forwarded(t))
			if _, err := from.Write([]byte("half a sen")); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(to, make([]byte, 10)); err != nil {
				t.Fatal(err)
			}
			_ = from.SetLinger(0)
			from.Close()
			if _, err := to.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("got %v, want a reset", err)
			}
		})
	}
}

// A transfer that is cut off with its carrier is no transfer that has ended.
func TestLostCarrierResetsForwards(t *testing.T) {
	t.Parallel()
	c := dialled(t, server(Handlers{KindForward: echo}), nil)
	client, near := tcp(t)
	done := make(chan struct{})
	stream := opened(t, c, KindForward)
	go func() { defer close(done); Join(context.Background(), near, stream) }()
	_ = c.Close()
	<-done
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v, want a reset", err)
	}
}

// 1,000 forwarded connections that were used and are idle take less than 40 MB at each end. Both ends are in this
// process.
func TestIdleForwardsAreSmall(t *testing.T) {
	const streams, limit = 1000, 40_000_000
	c := dialled(t, server(Handlers{KindForward: func(ctx context.Context, in *Incoming) error {
		stream, err := in.Accept()
		if err != nil {
			return err
		}
		near, far := net.Pipe()
		go func() {
			chunk := make([]byte, 256)
			for {
				n, err := far.Read(chunk)
				if err != nil {
					return
				}
				_, _ = far.Write(chunk[:n])
			}
		}()
		Join(ctx, stream, near)
		return nil
	}}), nil)
	before := inUse()
	var joined sync.WaitGroup
	var clients []net.Conn
	for range streams {
		client, near := net.Pipe()
		stream := opened(t, c, KindForward)
		joined.Go(func() { Join(context.Background(), near, stream) })
		chunk := make([]byte, 3<<10)
		go func() { _, _ = client.Write(chunk) }()
		if _, err := io.ReadFull(client, make([]byte, len(chunk))); err != nil {
			t.Fatal(err)
		}
		clients = append(clients, client)
	}
	used := inUse() - before
	t.Logf("%d idle forwards: %.1f MB at both ends together, with the programs behind", streams, float64(used)/1e6)
	if used > 2*limit {
		t.Errorf("%d idle forwards take %d bytes, want at most %d at each end", streams, used, limit)
	}
	for _, client := range clients {
		client.Close()
	}
	joined.Wait()
}

// inUse is the memory that is in use, after a collection.
func inUse() uint64 {
	var m runtime.MemStats
	for range 2 { // pools are emptied by the second
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

func BenchmarkThroughput(b *testing.B) {
	const size = 1 << 20
	receive := func(b *testing.B, r io.Reader) {
		all := io.LimitReader(r, int64(b.N)*size)
		if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, all, make([]byte, 32<<10)); err != nil {
			b.Error(err)
		}
	}
	send := func(b *testing.B, w io.Writer, done <-chan struct{}) {
		b.SetBytes(size)
		chunk := make([]byte, size)
		b.ResetTimer()
		for range b.N {
			if _, err := w.Write(chunk); err != nil {
				b.Fatal(err)
			}
		}
		<-done
	}
	b.Run("raw", func(b *testing.B) {
		near, far := tcp(b)
		done := make(chan struct{})
		go func() { defer close(done); receive(b, far) }()
		send(b, near, done)
	})
	b.Run("stream", func(b *testing.B) {
		near, far := tcp(b)
		done := make(chan struct{})
		handlers := Handlers{KindForward: func(_ context.Context, in *Incoming) error {
			stream, err := in.Accept()
			if err == nil {
				defer close(done)
				receive(b, stream)
			}
			return err
		}}
		there := newCarrier(context.Background(), far, false, Hello{}, Options{Handlers: handlers})
		here := newCarrier(context.Background(), near, true, Hello{}, Options{})
		defer there.Close()
		defer here.Close()
		send(b, opened(b, here, KindForward), done)
	})
}
